/** Bits in, quantized model file out: weights rounded, packed, written, tried, and only then put in its place. */
import { basename } from 'node:path';
import { dataFingerprint } from '../../../calibration/dataFingerprint';
import { storageCode } from '../../../common/storageCode';
import { OnnxError } from '../../../common/fileErrors';
import { formatSize } from '../../../common/sizes';
import { bytesOnDisk } from '../../../onnx/files/file';
import { raiseModel } from '../../../onnx/canonical/opsets';
import { Graph } from '../../../onnx/graph/graph';
import type { Network } from '../../../onnx/network/network';
import { type Expected, fakeQuantized, isTooLargeInside } from '../../../onnx/packing/fakeQuantize';
import { type WeightStorage } from '../../../onnx/packing/quantizeModel';
import { predictedBytes, quantizerFileBytes, sizeModel } from '../../../onnx/packing/size';
import { roundToFloat16 } from '../../../onnx/proto/float16';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ActivationPlan } from '../../../onnx/qdq/activationPlan';
import { LEAST_OPSET, placeActivations, type Placement } from '../../../onnx/qdq/placement';
import { widestPerWeight } from '../../../onnx/qdq/widestCodes';
import type { ExportReply, ExportRequest } from '../../protocol';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { limitOf, limitWarnings, residentMemory } from '../ort/memory';
import { type OpenedModel, withModel } from '../ort/withModel';
import { openBatches, readBlocks } from '../rounding/calibrationBlocks';
import { planActivations } from './activations';
import { checkBits, refuseOverwriting } from './refuse';
import { type RoundedOn, roundOn } from './roundOn';
import { STEP } from './steps';
import { writeVerified } from './writeVerified';

/** Bytes of a block's activations that are always afforded. */
const LEAST_ACTIVATIONS = 64e6;

/** @throws OnnxError, DataError, EngineFault, JobCancelled; no file is left behind then. */
export async function exportModel(request: ExportRequest, job: Job): Promise<ExportReply> {
  const start = performance.now();
  return withModel(request, job, (opened) => exportOpened(request, opened, start, job), {
    atMost: true,
    prepare: (file) => (request.activations ? (raiseModel(file, LEAST_OPSET) ?? file) : file),
  });
}

async function exportOpened(
  request: ExportRequest,
  { original, read, fingerprint, file, model, network, dataset }: OpenedModel,
  start: number,
  job: Job,
): Promise<ExportReply> {
  const tight = limitWarnings(request.memoryLimit);
  await refuseOverwriting(request, original);
  const { data, scaleType } = request;
  const { branches } = data;
  checkBits(request, network);
  const isLarge = isTooLargeInside(network);
  if (isLarge && request.activations) {
    throw new EngineFault(
      `${basename(request.model)} has more than 1.8 GB of weights, too many to try integer layers on; export its weights only (without --act-bits).`,
    );
  }
  const placement = request.activations && placed(request, file, network);
  const widest = placement && widestPerWeight(placement);
  const keeps = request.cache !== undefined && request.rounding !== 'nearest';
  const content = keeps ? await dataFingerprint(data.path, job.signal) : null;
  const keptBy = content === null ? null : { sha256: (await fingerprint()).sha256, content };
  const rounded = await roundOn(dataset, keptBy, { ...request, widest }, model, network, job);
  const expected = { model: file, path: request.model, network, storages: rounded.storages, branches };
  const plan = placement && (await activationPlan(placement, request, expected, model, rounded, job));
  const roundedAt = performance.now();
  const { draft, ...written } = await writeVerified(request, expected, plan, rounded.trial, job);
  const { forms, packedDb } = written;
  try {
    const source = plan ? read : written.model;
    const weightBytes = predictedBytes(
      sizeModel(source, network, { scaleType, branches, forms }),
      codesOf(request),
    );
    const predicted = plan ? withActivations(expected, plan, request) : weightBytes;
    const seconds = (from: number, to: number) => Math.round(to - from) / 1000;
    const now = performance.now();
    const reply: ExportReply = {
      bytes: draft.bytes,
      predictedBytes: predicted,
      rounding: request.rounding,
      activations:
        request.activations && plan
          ? {
              ...request.activations,
              integerLayers: plan.layers.length,
              layers: network.functions.reduce((sum, { layers }) => sum + layers.length, 0),
              tensors: plan.tensors.length,
              samples: rounded.samplesRead.size,
              bytes: predicted - weightBytes,
            }
          : null,
      packed: forms.size > 0 ? { weights: forms.size, leastDb: packedDb } : null,
      samples: rounded.samples,
      reused: rounded.reused,
      provider: rounded.provider,
      seconds: {
        rounding: seconds(start, roundedAt),
        writing: seconds(roundedAt, now),
        total: seconds(start, now),
      },
      warnings: [
        ...tight,
        ...dataset.warnings,
        ...rounded.warnings,
        ...written.warnings,
        ...(isLarge
          ? [
              'The written weights were compared one by one: the model is too large to be run as rounded floats.',
            ]
          : []),
        ...grown(draft.bytes, await bytesOnDisk(request.model, original)),
        ...wideScales(request, rounded.storages),
        ...fixedWeights(request, read, rounded.storages),
      ],
    };
    // Nothing that can fail or take time comes after this.
    await draft.commit();
    job.log('info', `Wrote ${request.out}: ${draft.bytes} bytes, ${seconds(start, now)} s.`);
    return reply;
  } finally {
    await draft.discard();
  }
}

function codesOf({ bits, groups }: ExportRequest): number[] {
  return bits.map((width, i) => storageCode(width, groups?.[i]));
}

function placed(
  { activations, bits, model: path }: ExportRequest,
  model: ModelProto,
  network: Network,
): Placement {
  try {
    return placeActivations(
      new Graph(model.graph!),
      network,
      bits,
      activations!.perFunction ?? activations!.bits,
    );
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    throw new EngineFault(`${basename(path)}: ${error.message}`, { cause: error });
  }
}

/** Ranges are measured with the weights as they will be. */
async function activationPlan(
  placement: Placement,
  { activations, memoryLimit }: ExportRequest,
  expected: Expected,
  /** With its branches in line. */
  model: ModelProto,
  { samplesRead: samples, batches }: RoundedOn,
  job: Job,
): Promise<ActivationPlan> {
  const { network, path } = expected;
  const opened = batches ?? (await openBatches(samples, { model, network, path }, job));
  return planActivations(placement, activations!, expected, {
    model: fakeQuantized({ ...expected, model: opened.model, branches: undefined }),
    path,
    blocks: () => readBlocks(samples, opened, samples.size),
    blockCount: Math.ceil(samples.size / opened.size),
    memory: Math.max(LEAST_ACTIVATIONS, (limitOf(memoryLimit) - residentMemory()) / 4),
    job,
    onProgress: (share) =>
      job.progress('Measuring activations', STEP.activations + share * (STEP.write - STEP.activations)),
  });
}

function withActivations(
  { model, network, storages, branches }: Expected,
  plan: ActivationPlan,
  request: ExportRequest,
): number {
  const integer = widestPerWeight(plan);
  const size = sizeModel(model, network, { scaleType: request.scaleType, integer, branches });
  return predictedBytes(size, codesOf(request)) + quantizerFileBytes(model, plan, storages.length);
}

/** Words for weights whose scales float16 cannot hold. */
function wideScales({ scaleType }: ExportRequest, storages: readonly WeightStorage[]): string[] {
  if (scaleType !== 'float16') return [];
  const wide = storages.filter(
    (each) => 'scales' in each && each.scales.some((s) => roundToFloat16(s) !== s),
  );
  if (wide.length === 0) return [];
  return [`The scales of ${several(wide)} are too small or too large for float16 and stay float32.`];
}

/** What unpacks the codes takes a few kilobytes, which a very small model does not win back. */
function grown(bytes: number, before: number): string[] {
  if (bytes < before) return [];
  return [
    `The quantized file is no smaller than the original (${formatSize(bytes)} against ${formatSize(before)}): what unpacks its codes takes more than so few weights give back.`,
  ];
}

/** Words for weights that the original lets its user feed others for. */
function fixedWeights(
  { model: path }: ExportRequest,
  model: ModelProto,
  storages: readonly WeightStorage[],
): string[] {
  const inputs = new Set(model.graph!.input.map(({ name }) => name));
  const fed = storages.filter(({ tensor }) => inputs.has(tensor));
  if (fed.length === 0) return [];
  return [
    `${basename(path)} lists weights among its inputs, for which others could be fed (${several(fed)}); in the quantized file they are constants.`,
  ];
}

function several(storages: readonly WeightStorage[]): string {
  const names = storages.slice(0, 3).map(({ tensor }) => tensor);
  return (
    names.join(', ') + (storages.length > names.length ? ` and ${storages.length - names.length} more` : '')
  );
}
