/** Calibration samples in blocks that the model takes at once, as rounding and its relatives need them. */
import type { Dataset } from '../calibration/dataset';
import type { Network } from '../onnx/network';
import type { ModelProto } from '../onnx/schema/onnx_pb';
import type { Job } from './job';
import { activationBytes, residentMemory } from './memory';
import type { Feeds } from './runtime';
import { sampleBytes, type Samples } from './samples';
import { padded, survey } from './survey';
import { Workbench } from './workbench';

/** Samples per run, where the model leaves it open. */
const BLOCK = 16;

export interface CalibrationBlocks {
  /** The model as samples are run through it (its batch may have been opened). */
  model: ModelProto;
  blocks: Feeds[];
  /** Samples per block; the last block may be shorter. */
  size: number;
  /** Samples in all blocks together. */
  count: number;
  /** These are all samples there are; else memory was too short. */
  complete: boolean;
}

/** @param activations how many sets of activations are held at once, for the memory limit (bytes) */
export async function calibrationBlocks(
  dataset: Dataset,
  samples: Samples,
  { model, network, path }: { model: ModelProto; network: Network; path: string },
  { limit, activations, job }: { limit: number; activations: number; job: Job },
): Promise<CalibrationBlocks> {
  const bench = new Workbench(path, network, samples, 'cpu', job);
  const surveyed = await survey(bench, model);
  await surveyed.session?.close();
  const size = surveyed.batch ?? BLOCK;
  const perSample =
    sampleBytes(dataset) +
    activations * activationBytes(surveyed.model, samples.shapes(size), size, new Map());
  const affordable = Math.floor((limit - residentMemory()) / perSample);
  const count = Math.min(samples.size, Math.max(affordable, size));
  const blocks: Feeds[] = [];
  for (let from = 0; from < count; from += size) {
    await job.checkpoint();
    const indices = Array.from({ length: Math.min(size, count - from) }, (_, i) => from + i);
    blocks.push(await samples.take(surveyed.batch === null ? indices : padded(indices, size)));
  }
  return { model: surveyed.model, blocks, size, count, complete: count === samples.size };
}
