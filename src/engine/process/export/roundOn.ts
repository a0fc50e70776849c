import type { Dataset } from '../../../calibration/inputs/dataset';
import type { Network } from '../../../onnx/network/network';
import { planOutputs } from '../../../onnx/network/outputs';
import { type WeightStorage } from '../../../onnx/packing/quantizeModel';
import { roundToFloat16 } from '../../../onnx/proto/float16';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ExportRequest } from '../../protocol';
import { Devices } from '../devices/adaptiveSession';
import { type Job } from '../job/job';
import { limitOf } from '../ort/memory';
import { fixedBatch, padded, Samples } from '../ort/samples';
import { deviceLabel, type Feeds } from '../ort/session';
import { type Batches, calibrationBlocks } from '../rounding/calibrationBlocks';
import { type KeptBy, KeptLayers } from '../rounding/keptLayers';
import { momentsMemory } from '../rounding/momentsMemory';
import { type RoundingWork, roundNetwork } from '../rounding/roundNetwork';
import { blocksToRoundOn, withScoreSize } from './scoreSize';
import { STEP } from './steps';

/** The weights of an export, rounded on the calibration samples. */
export interface RoundedOn {
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

/** @param keptBy what model and data hold, where layers are to be kept */
export async function roundOn(
  dataset: Dataset,
  keptBy: Pick<KeptBy, 'sha256' | 'content'> | null,
  request: ExportRequest & Pick<RoundingWork, 'widest'>,
  model: ModelProto,
  network: Network,
  job: Job,
): Promise<RoundedOn> {
  const { rounding: method, bits, groups, widest, model: path } = request;
  const limit = limitOf(request.memoryLimit);
  const onProgress = (share: number) =>
    job.progress('Reading samples', STEP.data + share * (STEP.round - STEP.data));
  const samples = await Samples.open(dataset, limit / 8, job, onProgress);
  const trial = await trialBlock(samples, network);
  const roundedAt = request.activations ? STEP.activations : STEP.write;
  const onLayer = (done: number, all: number, name: string) =>
    job.progress(`Rounding ${name}`, STEP.round + (done / all) * (roundedAt - STEP.round));
  const roundScale = request.scaleType === 'float16' ? roundToFloat16 : Math.fround;
  const work = { network, path, bits, groups, widest, method, roundScale, job, onProgress: onLayer };
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
  const plan = method === 'reconstruct' ? planOutputs(model, network, request.data.outputs ?? {}) : null;
  const all = await calibrationBlocks(
    dataset,
    samples,
    { model, network, path },
    { limit, activations: method === 'reconstruct' ? 2 : 1, reserved: moments.bytes, job },
  );
  const { blocks, count, ...batches } = all;
  const seen = plan ? blocksToRoundOn(all, plan, network) : blocks.length;
  const kept =
    keptBy && request.cache !== undefined
      ? await KeptLayers.open(
          request.cache,
          {
            ...keptBy,
            request,
            count: Math.min(count, seen * batches.size),
            wide: moments.wide,
            positive: [...(widest?.keys() ?? [])],
          },
          job,
        )
      : null;
  const devices = await Devices.open(request.provider ?? 'cpu', job);
  const rounded = await roundNetwork({
    ...work,
    wide: moments.wide,
    model: batches.model,
    inputs: blocks.slice(0, seen),
    devices,
    kept,
  });
  const { storages, factor } =
    plan && seen < blocks.length
      ? await withScoreSize(
          rounded,
          {
            model: batches.model,
            network,
            path,
            plan,
            blocks: blocks.slice(seen),
            countOf: (block) => Math.min(batches.size, count - (seen + block) * batches.size),
            job,
          },
          roundScale,
        )
      : { storages: rounded, factor: 1 };
  if (factor !== 1)
    job.log(
      'info',
      `The last layer's scales take ${factor.toFixed(2)} of their size: so large are the scores of the original.`,
    );
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
    samples: Math.min(count, seen * batches.size),
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
