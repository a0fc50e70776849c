/** Bits in, quantized model file out: weights rounded, packed, written, tried, and only then put in its place. */
import { seeded } from '../../../onnx/graph/seeded';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { dataFingerprint } from '../../../calibration/dataFingerprint';
import type { Dataset } from '../../../calibration/inputs/dataset';
import { openDataset } from '../../../calibration/open';
import { OnnxError } from '../../../common/fileErrors';
import { describeProducts } from '../../../common/integerProduct';
import { draftModel } from '../../../onnx/files/save';
import { raiseModel } from '../../../onnx/canonical/opsets';
import { Graph } from '../../../onnx/graph/graph';
import { takeBranches } from '../../../onnx/network/branches';
import { findNetwork } from '../../../onnx/network/functions';
import type { Network } from '../../../onnx/network/network';
import { type Expected, fakeQuantized, isTooLargeInside } from '../../../onnx/packing/fakeQuantize';
import { quantizeModel, type WeightStorage } from '../../../onnx/packing/quantizeModel';
import { predictedBytes, quantizerFileBytes, sizeModel } from '../../../onnx/packing/size';
import { externalLocations, weightsFolder } from '../../../onnx/proto/external';
import { roundToFloat16 } from '../../../onnx/proto/float16';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ActivationPlan } from '../../../onnx/qdq/insert';
import { LEAST_OPSET, placeActivations, type Placement } from '../../../onnx/qdq/placement';
import { widestPerWeight } from '../../../onnx/qdq/widestCodes';
import type { ExportReply, ExportRequest } from '../../protocol';
import { Devices } from '../devices/adaptiveSession';
import { processor } from '../devices/processor';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { limitOf, limitWarnings, residentMemory } from '../ort/memory';
import { openModel } from '../ort/openModel';
import { fixedBatch, padded, Samples } from '../ort/samples';
import { deviceLabel, type Feeds } from '../ort/session';
import { type Batches, calibrationBlocks, openBatches, readBlocks } from '../rounding/calibrationBlocks';
import { KeptLayers } from '../rounding/keptLayers';
import { momentsMemory } from '../rounding/momentsMemory';
import { roundNetwork, type RoundingWork } from '../rounding/roundNetwork';
import { emulated, planActivations } from './activations';
import { verify, verifyIntegers } from './verify';
import { verifyWeights } from './verifyWeights';

/** Where each step begins on the progress bar. */
const STEP = { data: 0.02, round: 0.1, activations: 0.75, write: 0.85, verify: 0.9 };

/** Bytes of a block's activations that are always afforded. */
const LEAST_ACTIVATIONS = 64e6;

/** @throws OnnxError, DataError, EngineFault, JobCancelled; no file is left behind then. */
export async function exportModel(request: ExportRequest, job: Job): Promise<ExportReply> {
  const start = performance.now();
  const tight = limitWarnings(request.memoryLimit);
  job.progress('Reading the model', 0);
  const { file: original, model: read } = await openModel(request.model, job);
  const file = request.activations ? (raiseModel(read, LEAST_OPSET) ?? read) : read;
  await refuseOverwriting(request, original);
  const { granularity, data, bits } = request;
  const { branches } = data;
  const network = findNetwork(file, { granularity, shapes: data.shapes, branches });
  const model = seeded(takeBranches(file, branches).model);
  if (network.functions.length === 0) {
    throw new EngineFault(`${basename(request.model)} has no layer that can be quantized.`);
  }
  checkBits(request, network);
  const isLarge = isTooLargeInside(network);
  if (isLarge && request.activations) {
    throw new EngineFault(
      `${basename(request.model)} has more than 1.8 GB of weights, too many to try integer layers on; export its weights only (without --act-bits).`,
    );
  }
  const placement = request.activations && placed(request, file, network);
  const widest = placement && widestPerWeight(placement);
  job.progress('Reading samples', STEP.data);
  const keeps = request.cache !== undefined && request.rounding !== 'nearest';
  const content = keeps ? await dataFingerprint(data.path, job.signal) : null;
  const dataset = await openDataset(data, network.inputs, { signal: job.signal, atMost: true });
  try {
    const rounded = await roundOn(dataset, content, { ...request, widest }, model, network, job);
    const { storages } = rounded;
    const expected = { model: file, path: request.model, network, storages, branches };
    const plan = placement && (await activationPlan(placement, request, expected, model, rounded, job));
    const roundedAt = performance.now();
    job.progress('Writing', STEP.write);
    const { scaleType, config } = request;
    const record = { config, bits };
    const quantized = quantizeModel(file, storages, {
      scaleType,
      record,
      branches,
      activations: plan ?? undefined,
    });
    const draft = await draftModel(request.out, quantized, request.model);
    try {
      await job.checkpoint();
      job.progress('Trying the written file', STEP.verify);
      if (plan) {
        const { name, products } = await processor();
        job.log(
          'info',
          `Integer kernels on ${name}; products of 8-bit integers: ${describeProducts(products)}.`,
        );
      }
      if (plan) await verifyIntegers(draft.path, expected, emulated(expected, plan), rounded.trial);
      else if (isLarge) await verifyWeights(draft.path, expected, job);
      else await verify(draft.path, expected, rounded.trial);
      await job.checkpoint();
      await draft.commit();
    } finally {
      await draft.discard();
    }
    const seconds = (from: number, to: number) => Math.round(to - from) / 1000;
    const now = performance.now();
    const { bytes } = draft;
    job.log('info', `Wrote ${request.out}: ${bytes} bytes, ${seconds(start, now)} s.`);
    const weightBytes = predictedBytes(sizeModel(read, network, { scaleType, branches }), bits);
    const predicted = plan ? withActivations(expected, plan, request) : weightBytes;
    return {
      bytes,
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
        ...(isLarge
          ? [
              'The written weights were compared one by one: the model is too large to be run as rounded floats.',
            ]
          : []),
        ...wideScales(request, rounded.storages),
      ],
    };
  } finally {
    await dataset.close();
  }
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
  return predictedBytes(size, request.bits) + quantizerFileBytes(model, plan, storages.length);
}

interface RoundedOn {
  storages: WeightStorage[];
  samplesRead: Samples;
  /** How the model takes samples, where rounding had to know. */
  batches: Batches | null;
  /** Samples that rounding used. */
  samples: number;
  /** Layers taken from the cache. */
  reused: number;
  provider: string;
  /** A block to try the written file on, as the original takes it. */
  trial: Feeds;
  warnings: string[];
}

/** @param content of the data, where layers are to be kept */
async function roundOn(
  dataset: Dataset,
  content: string | null,
  request: ExportRequest & Pick<RoundingWork, 'widest'>,
  model: ModelProto,
  network: Network,
  job: Job,
): Promise<RoundedOn> {
  const { rounding: method, bits, widest, model: path } = request;
  const limit = limitOf(request.memoryLimit);
  const onProgress = (share: number) =>
    job.progress('Reading samples', STEP.data + share * (STEP.round - STEP.data));
  const samples = await Samples.open(dataset, limit / 8, job, onProgress);
  const trial = await trialBlock(samples, network);
  const roundedAt = request.activations ? STEP.activations : STEP.write;
  const onLayer = (done: number, all: number, name: string) =>
    job.progress(`Rounding ${name}`, STEP.round + (done / all) * (roundedAt - STEP.round));
  const roundScale = request.scaleType === 'float16' ? roundToFloat16 : Math.fround;
  const work = { network, path, bits, widest, method, roundScale, job, onProgress: onLayer };
  if (method === 'nearest' || bits.every((width) => width > 8)) {
    const storages = await roundNetwork({ ...work, method: 'nearest', model, inputs: [] });
    const provider = deviceLabel('cpu');
    return {
      storages,
      samplesRead: samples,
      batches: null,
      samples: 0,
      reused: 0,
      provider,
      trial,
      warnings: [],
    };
  }
  const layers = network.functions.flatMap((f, i) => (bits[i] > 8 ? [] : f.layers));
  const moments = momentsMemory(layers, method, limit);
  for (const warning of moments.warnings) job.log('warn', warning);
  const { blocks, count, ...batches } = await calibrationBlocks(
    dataset,
    samples,
    { model, network, path },
    { limit, activations: method === 'reconstruct' ? 2 : 1, reserved: moments.bytes, job },
  );
  const kept =
    content !== null && request.cache !== undefined
      ? await KeptLayers.open(
          request.cache,
          { request, model, before: content, count, wide: moments.wide },
          job,
        )
      : null;
  const devices = await Devices.open(request.provider ?? 'cpu', job);
  const storages = await roundNetwork({
    ...work,
    wide: moments.wide,
    model: batches.model,
    inputs: blocks,
    devices,
    kept,
  });
  const reused = kept?.reused ?? 0;
  const warnings =
    count < samples.size
      ? [
          `Only ${count} of ${samples.size} samples were used for rounding: their activations would not fit in the memory limit.`,
        ]
      : [];
  return {
    storages,
    samplesRead: samples,
    batches,
    samples: count,
    reused,
    provider: devices.label,
    trial,
    warnings: [...devices.warnings, ...moments.warnings, ...warnings],
  };
}

/** As many samples as the model's inputs fix, or one. */
async function trialBlock(samples: Samples, network: Network): Promise<Feeds> {
  const batch = fixedBatch(network.inputs, samples.batchAxes) ?? 1;
  return samples.take(padded([...Array(Math.min(batch, samples.size)).keys()], batch));
}

async function refuseOverwriting(
  { model: path, out, overwrite }: ExportRequest,
  model: ModelProto,
): Promise<void> {
  const resolved = async (file: string) => realpath(file).catch(() => null);
  const target = await resolved(out);
  const folder = await resolved(dirname(out));
  if (folder === null)
    throw new EngineFault(
      `The folder ${dirname(out)} does not exist; choose another one for the quantized model.`,
    );
  const sources = [path, ...externalLocations(model).map((location) => join(weightsFolder(path), location))];
  const written = [target ?? join(folder, basename(out)), join(folder, `${basename(out)}.data`)];
  for (const source of sources) {
    if (written.includes((await resolved(source)) ?? source)) {
      throw new EngineFault(
        `${out} would overwrite the original (${basename(source)}); give the quantized model another name.`,
      );
    }
  }
  if (target !== null && !overwrite) {
    throw new EngineFault(`${out} exists already; choose another name or allow it to be replaced.`);
  }
}

function checkBits({ model, bits, activations }: ExportRequest, network: Network): void {
  const perFunction = activations?.perFunction ?? bits;
  if (bits.length !== network.functions.length || perFunction.length !== bits.length) {
    throw new EngineFault(
      `${basename(model)} has ${network.functions.length} functions, but bits for ${bits.length} were given; the configuration belongs to another model or granularity.`,
    );
  }
  for (const [index, width] of bits.entries()) {
    if (![2, 3, 4, 5, 6, 7, 8, 16, 32].includes(width)) {
      throw new EngineFault(
        `${network.functions[index].name} cannot be stored at ${width} bits; use 2 to 8, 16 or 32.`,
      );
    }
  }
  for (const tied of network.ties) {
    const names = tied.map((index) => network.functions[index].name);
    if (tied.some((index) => bits[index] !== bits[tied[0]])) {
      throw new EngineFault(`${names.join(' and ')} share their weights and must get the same bits.`);
    }
  }
}

/** Words for weights whose scales float16 cannot hold. */
function wideScales({ scaleType }: ExportRequest, storages: readonly WeightStorage[]): string[] {
  if (scaleType !== 'float16') return [];
  const wide = storages.filter(
    (each) => 'scales' in each && each.scales.some((s) => roundToFloat16(s) !== s),
  );
  if (wide.length === 0) return [];
  const names = wide.slice(0, 3).map(({ tensor }) => tensor);
  const more = wide.length > names.length ? ` and ${wide.length - names.length} more` : '';
  return [
    `The scales of ${names.join(', ')}${more} are too small or too large for float16 and stay float32.`,
  ];
}
