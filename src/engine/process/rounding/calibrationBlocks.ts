/** Calibration samples in blocks that the model takes at once, as rounding and its relatives need them. */
import { weightsFolder } from '../../../onnx/proto/external';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import type { OutputPlan } from '../../../onnx/network/outputs';
import { EngineFault } from '../job/faults';
import { isAlikeInBatch } from '../ort/alike';
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { Network } from '../../../onnx/network/network';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { Job } from '../job/job';
import { liveActivationBytes, residentMemory } from '../ort/memory';
import { fixedBatch, padded, sampleBytes, type Samples } from '../ort/samples';
import { type Feeds, Session } from '../ort/session';
import { probeBatches } from '../score/batchProbe';
import { ScoringContext } from '../score/scoringContext';

/** Samples per run, where the model leaves it open, at most. */
const BLOCK = 16;
/**
 * Bytes that a function puts out per run, at most, where one sample does not exceed them: what fits in the processor's
 * cache and in memory that was freed before is two to three times as fast as fresh pages (measured).
 */
const RUN_BYTES = 12e6;

/** How a model takes samples. */
export interface Batches {
  /** The model as samples are run through it (its batch may have been opened). */
  model: ModelProto;
  /** Samples per block; the last block may be shorter. */
  size: number;
  /** Whether every block must have that size. */
  fixed: boolean;
}

export interface CalibrationBlocks extends Batches {
  blocks: Feeds[];
  /** Samples in all blocks together. */
  count: number;
  /** These are all samples there are; else memory was too short. */
  complete: boolean;
}

/**
 * @param activations how many sets of activations are held at once, for the memory limit (bytes)
 * @param reserved bytes of the limit that are for other things
 * @param plan of the outputs, where these are going to be run, too
 */
export async function calibrationBlocks(
  dataset: Dataset,
  samples: Samples,
  { model, network, path }: { model: ModelProto; network: Network; path: string },
  {
    limit,
    activations,
    reserved,
    plan = null,
    job,
  }: { limit: number; activations: number; reserved: number; plan?: OutputPlan | null; job: Job },
): Promise<CalibrationBlocks> {
  const batches = await openBatches(samples, { model, network, path }, job, plan);
  const { size } = batches;
  const perSample =
    sampleBytes(dataset) +
    activations * liveActivationBytes(batches.model, samples.shapes(size), size, new Map());
  const affordable = Math.floor((limit - reserved - residentMemory()) / perSample);
  const count = Math.min(samples.size, Math.max(affordable, size));
  const blocks: Feeds[] = [];
  for await (const block of readBlocks(samples, batches, count)) {
    await job.checkpoint();
    blocks.push(block);
  }
  return { ...batches, blocks, count, complete: count === samples.size };
}

export async function openBatches(
  samples: Samples,
  { model, network, path }: { model: ModelProto; network: Network; path: string },
  job: Job,
  plan: OutputPlan | null = null,
): Promise<Batches> {
  const context = new ScoringContext(path, network, samples, 'cpu', job);
  const probed = await probeBatches(context, model);
  await probed.session?.close();
  if (plan && probed.batch === null && !(await outputsTakeBatches(probed.model, path, plan, samples, job))) {
    job.log(
      'info',
      `The outputs of ${context.name} do not take several samples at once; they are run one by one.`,
    );
    return { model, size: fixedBatch(network.inputs, samples.batchAxes) ?? 1, fixed: true };
  }
  const largest = Math.max(...probed.layouts.map(({ features }) => 4 * features));
  const open = Math.min(BLOCK, Math.max(1, Math.floor(RUN_BYTES / largest)));
  return { model: probed.model, size: probed.batch ?? open, fixed: probed.batch !== null };
}

/** Proved on two samples, on everything that outputs are compared by. */
async function outputsTakeBatches(
  model: ModelProto,
  path: string,
  plan: OutputPlan,
  samples: Samples,
  job: Job,
): Promise<boolean> {
  let session: Session | null = null;
  try {
    const names = plan.compared.map(({ tensor }) => tensor);
    session = await Session.open(serialize(returning(model, names)), {
      provider: 'cpu',
      folder: weightsFolder(path),
      model: path,
    });
    const pair = await session.runTensors(await samples.take([0, 1]));
    const first = await session.runTensors(await samples.take([0]));
    const second = await session.runTensors(await samples.take([1]));
    return isAlikeInBatch(pair, [first, second]);
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error;
    job.log('debug', `Two samples at once do not run: ${error.message}`);
    return false;
  } finally {
    await session?.close();
  }
}

/** The first `count` samples, read block by block. */
export async function* readBlocks(
  samples: Samples,
  { size, fixed }: Batches,
  count: number,
): AsyncGenerator<Feeds> {
  for (let from = 0; from < count; from += size) {
    const indices = Array.from({ length: Math.min(size, count - from) }, (_, i) => from + i);
    yield await samples.take(fixed ? padded(indices, size) : indices);
  }
}
