/** Noise of each function, and allocations compared by running them: without labels, on samples kept out of rounding. */
import { basename, dirname } from 'node:path';
import { openDataset } from '../calibration/open';
import { costOf } from '../core/divergence';
import { searchSwaps } from '../core/localSearch';
import { readModel } from '../onnx/file';
import { findNetwork } from '../onnx/functions';
import type { Network } from '../onnx/network';
import type { WeightStorage } from '../onnx/quantized';
import type { ModelProto } from '../onnx/schema/onnx_pb';
import { networkWeights } from '../onnx/size';
import { Devices } from './adaptive';
import { calibrationBlocks, type CalibrationBlocks } from './calibrationBlocks';
import { OutputLikeness } from './comparison';
import { roundNetwork } from './exportRounding';
import { fakeQuantized } from './exportVerify';
import { serialize } from './heads';
import type { Job } from './job';
import { freeMemory, residentMemory } from './memory';
import { measureNoise } from './noise';
import type {
  ContestReply,
  ContestRequest,
  Measured,
  NoiseReply,
  NoiseRequest,
  SearchLimits,
} from './protocol';
import { type Feeds, Session } from './runtime';
import { Samples } from './samples';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function noise(request: NoiseRequest, job: Job): Promise<NoiseReply> {
  return withBlocks(request, 1, job, async ({ network }, { model, blocks, count }) => {
    const { widths, model: path } = request;
    const devices = await Devices.open(request.provider ?? 'cpu', job);
    return {
      noise: await measureNoise({ model, network, path, widths, inputs: blocks, job, devices }),
      samples: count,
    };
  });
}

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function contest(request: ContestRequest, job: Job): Promise<ContestReply> {
  const start = performance.now();
  const activations = request.rounding === 'reconstruct' ? 2 : 1;
  return withBlocks(request, activations, job, async ({ network, warnings }, all) => {
    const arena = new Arena(request, network, all, job);
    const results: Measured[] = [];
    for (const [i, bits] of request.candidates.entries()) {
      job.progress(`Comparing allocations (${i + 1} of ${request.candidates.length})`, share(i, request));
      results.push(await arena.measure(bits));
    }
    const improved = request.search ? await improve(arena, request, results, request.search, job) : null;
    job.progress('Comparing allocations', 1);
    const { samples, heldOut } = arena;
    const seconds = (performance.now() - start) / 1000;
    return { results, improved, samples, heldOut, complete: all.complete, seconds, warnings };
  });
}

/** The search takes the last third of the progress bar. */
function share(done: number, { candidates, search }: ContestRequest): number {
  return 0.1 + (done / candidates.length) * (search ? 0.5 : 0.9);
}

async function improve(
  arena: Arena,
  { candidates }: ContestRequest,
  results: readonly Measured[],
  limits: SearchLimits,
  job: Job,
): Promise<ContestReply['improved']> {
  const costs = results.map(costOf);
  const best = costs.indexOf(Math.min(...costs));
  const from = performance.now();
  const elapsed = (): number => (performance.now() - from) / 1000 / limits.seconds;
  let found: Measured = results[best];
  const { bits, cost } = await searchSwaps({
    bits: candidates[best],
    cost: costs[best],
    widths: limits.widths,
    ties: arena.network.ties,
    fits: (bits) => fits(bits, limits),
    estimate: (i, a, b) => (limits.noise[i][b] ?? 0) - (limits.noise[i][a] ?? 0),
    measure: async (bits) => {
      if (elapsed() >= 1) return null;
      job.progress('Trying swaps', 0.6 + 0.4 * Math.min(1, elapsed()));
      const measured = await arena.measure(bits);
      if (costOf(measured) < costOf(found)) found = measured;
      return costOf(measured);
    },
  });
  return cost < costs[best] ? { ...found, bits } : null;
}

function fits(bits: readonly number[], limits: SearchLimits): boolean {
  const { functionBytes, fixedBytes, params, bytes, averageBits } = limits;
  if (bytes !== null && bits.reduce((sum, b, i) => sum + functionBytes[i][b], fixedBytes) > bytes)
    return false;
  if (averageBits === null) return true;
  const weights = params.reduce((a, b) => a + b, 0);
  return bits.reduce((sum, b, i) => sum + b * params[i], 0) <= averageBits * weights * (1 + 1e-12);
}

/** The float model's outputs on the samples that count, and quantized models measured against them. */
class Arena {
  readonly samples: number;
  readonly heldOut: boolean;
  private readonly trials: Feeds[];
  private readonly rounding: Feeds[];
  private reference: Feeds[] | null = null;
  private readonly known = new Map<string, Measured>();
  /** Weights rounded to nearest do not depend on the others' bits. */
  private readonly nearest = new Map<string, WeightStorage>();

  constructor(
    private readonly request: ContestRequest,
    readonly network: Network,
    private readonly all: CalibrationBlocks,
    private readonly job: Job,
  ) {
    const { blocks, size, count } = all;
    // With few samples, half of them are for rounding.
    const most = Math.max(1, Math.floor(blocks.length / 2));
    const trials = Math.min(most, Math.max(1, Math.ceil(request.heldOut / size)));
    this.heldOut = trials < blocks.length;
    this.trials = blocks.slice(-trials);
    this.rounding = this.heldOut ? blocks.slice(0, -trials) : blocks;
    this.samples = count - (this.heldOut ? (blocks.length - trials) * size : 0);
  }

  async measure(bits: readonly number[]): Promise<Measured> {
    const key = bits.join();
    const known = this.known.get(key);
    if (known) return known;
    await this.job.checkpoint();
    this.reference ??= await this.outputs(this.all.model);
    const storages = await this.round(bits);
    const { model: path } = this.request;
    const quantized = fakeQuantized({ model: this.all.model, path, network: this.network, storages });
    const outputs = await this.outputs(quantized);
    const likeness = new OutputLikeness(basename(path), basename(path));
    outputs.forEach((output, i) => likeness.add(this.reference![i], output, countOf(output)));
    const { kl, agreement, sqnrDb } = likeness.result();
    const measured = { kl, agreement, sqnrDb };
    this.known.set(key, measured);
    return measured;
  }

  private async round(bits: readonly number[]): Promise<WeightStorage[]> {
    const { request, network, all, job } = this;
    const work = {
      model: all.model,
      network,
      path: request.model,
      roundScale: Math.fround,
      job,
      onProgress: () => undefined,
    };
    if (request.rounding !== 'nearest') {
      return roundNetwork({ ...work, bits, method: request.rounding, inputs: this.rounding });
    }
    const weights = networkWeights(network);
    const key = (i: number): string => `${weights[i].tensor} ${bits[weights[i].owner]}`;
    if (weights.some((_, i) => !this.nearest.has(key(i)))) {
      const rounded = await roundNetwork({ ...work, bits, method: 'nearest', inputs: [] });
      rounded.forEach((storage, i) => this.nearest.set(key(i), storage));
    }
    return weights.map((_, i) => this.nearest.get(key(i))!);
  }

  private async outputs(model: ModelProto): Promise<Feeds[]> {
    const { model: path } = this.request;
    const session = await Session.open(serialize(model), {
      provider: 'cpu',
      folder: dirname(path),
      model: path,
    });
    try {
      const outputs: Feeds[] = [];
      for (const feeds of this.trials) {
        await this.job.checkpoint();
        outputs.push(await session.runTensors(feeds));
      }
      return outputs;
    } finally {
      await session.close();
    }
  }
}

/** Samples in a block, told by its first output. */
function countOf(outputs: Feeds): number {
  return Object.values(outputs)[0]?.dims[0] ?? 1;
}

interface Opened {
  network: Network;
  warnings: string[];
}

async function withBlocks<T>(
  { model: path, granularity, data, memoryLimit }: NoiseRequest | ContestRequest,
  activations: number,
  job: Job,
  work: (opened: Opened, blocks: CalibrationBlocks) => Promise<T>,
): Promise<T> {
  job.progress('Reading the model', 0);
  const model = await readModel(path);
  const network = findNetwork(model, { granularity, shapes: data.shapes });
  const dataset = await openDataset(data, network.inputs, { signal: job.signal, atMost: true });
  try {
    const limit = memoryLimit > 0 ? memoryLimit : residentMemory() + freeMemory() / 2;
    const samples = await Samples.open(dataset, limit / 8, job, (done) =>
      job.progress('Reading samples', 0.1 * done),
    );
    const blocks = await calibrationBlocks(
      dataset,
      samples,
      { model, network, path },
      { limit, activations, job },
    );
    return await work({ network, warnings: dataset.warnings }, blocks);
  } finally {
    await dataset.close();
  }
}
