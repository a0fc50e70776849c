/** Noise of each function, and allocations compared by running them: without labels, on samples kept out of rounding. */
import { basename, dirname } from 'node:path';
import { openDataset } from '../../../calibration/open';
import { costOf } from '../../../core/allocation/divergence';
import { LEAST_GAIN, searchSwaps } from '../../../core/allocation/localSearch';
import { isLower } from '../../../core/allocation/paired';
import { takeBranches } from '../../../onnx/network/branches';
import { readModel } from '../../../onnx/files/file';
import { findNetwork } from '../../../onnx/network/functions';
import type { Network } from '../../../onnx/network/network';
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { networkWeights } from '../../../onnx/packing/size';
import { Devices } from '../devices/adaptiveSession';
import { calibrationBlocks, type CalibrationBlocks } from '../rounding/calibrationBlocks';
import { OutputLikeness, sampleCosts } from '../evaluate/similarity';
import { roundNetwork } from '../rounding/roundNetwork';
import { fakeQuantized } from '../export/verify';
import { serialize } from '../score/gramHeads';
import type { Job } from '../job/job';
import { limitOf } from '../ort/memory';
import { measureNoise } from './noise';
import type {
  ContestReply,
  ContestRequest,
  Measured,
  NoiseReply,
  NoiseRequest,
  SearchLimits,
} from '../../protocol';
import { type Feeds, Session } from '../ort/session';
import { Samples } from '../ort/samples';
import { checkStatistics, largestStatistics } from '../rounding/momentsMemory';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function noise(request: NoiseRequest, job: Job): Promise<NoiseReply> {
  return withBlocks(request, 1, job, async ({ network }, { model, blocks, count }) => {
    const { widths, activationWidths, rounding, model: path } = request;
    const devices = await Devices.open(request.provider ?? 'cpu', job);
    const work = { model, network, path, widths, activationWidths, rounding, inputs: blocks, job, devices };
    return { ...(await measureNoise(work)), samples: count };
  });
}

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function contest(request: ContestRequest, job: Job): Promise<ContestReply> {
  const start = performance.now();
  const activations = request.rounding === 'reconstruct' ? 2 : 1;
  return withBlocks(request, activations, job, async ({ network, warnings }, all) => {
    const arena = new Arena(request, network, all, job);
    const results: (Measured | null)[] = request.candidates.map(() => null);
    const reply = (improved: ContestReply['improved']): ContestReply => {
      const { samples, heldOut } = arena;
      const seconds = (performance.now() - start) / 1000;
      return { results: [...results], improved, samples, heldOut, complete: all.complete, seconds, warnings };
    };
    for (const [i, bits] of request.candidates.entries()) {
      job.progress(`Comparing allocations (${i + 1} of ${request.candidates.length})`, share(i, request));
      results[i] = (await arena.measure(bits)).all;
      job.partial(reply(null));
    }
    const { search } = request;
    const improved = search
      ? await improve(arena, request, search, job, (found) => job.partial(reply(found)))
      : null;
    job.progress('Comparing allocations', 1);
    return reply(improved);
  });
}

/** The search takes the last third of the progress bar. */
function share(done: number, { candidates, search }: ContestRequest): number {
  return 0.1 + (done / candidates.length) * (search ? 0.5 : 0.9);
}

/**
 * Swaps are found on one half of the samples and believed where the other half agrees: on the few samples that made it
 * look good, nearly any swap is an improvement.
 */
async function improve(
  arena: Arena,
  { candidates }: ContestRequest,
  limits: SearchLimits,
  job: Job,
  onFound: (found: Measured & { bits: number[] }) => void,
): Promise<ContestReply['improved']> {
  let held: Trial | null = null;
  let best = candidates[0];
  for (const bits of candidates) {
    const trial = await arena.measure(bits);
    if (held === null || costOf(trial.all) < costOf(held.all)) [held, best] = [trial, bits];
  }
  let current = held!;
  let found: ContestReply['improved'] = null;
  const from = performance.now();
  const elapsed = (): number => (performance.now() - from) / 1000 / limits.seconds;
  await searchSwaps({
    bits: best,
    cost: mean(arena.seen(current.costs)),
    widths: limits.widths,
    ties: limits.ties,
    fits: (bits) => fits(bits, limits),
    estimate: (i, a, b) => (limits.noise[i][b] ?? 0) - (limits.noise[i][a] ?? 0),
    measure: async (bits) => {
      if (elapsed() >= 1) return null;
      job.progress('Trying swaps', 0.6 + 0.4 * Math.min(1, elapsed()));
      const seen = arena.seen(current.costs);
      const most = mean(seen) * (1 - LEAST_GAIN);
      const cost = await arena.searchCost(bits, most, seen.length);
      if (!(cost < most)) return cost;
      const trial = await arena.measure(bits);
      const isBelieved = isLower(arena.unseen(trial.costs), arena.unseen(current.costs));
      if (costOf(trial.all) >= costOf(current.all) || !isBelieved) return Infinity;
      current = trial;
      found = { ...trial.all, bits: [...bits] };
      onFound(found);
      return cost;
    },
  });
  return found;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function fits(bits: readonly number[], { limits }: SearchLimits): boolean {
  return limits.every(
    ({ capacity, use }) => bits.reduce((sum, width, i) => sum + use[i][width], 0) <= capacity,
  );
}

interface Trial {
  /** Over all samples. */
  all: Measured;
  /** Per block and sample, what allocations are ranked by. */
  costs: number[][];
}

/** The float model's outputs on the samples that count, and quantized models measured against them. */
class Arena {
  readonly samples: number;
  readonly heldOut: boolean;
  /** Blocks that swaps are tried on, of those that count; the others are for believing them. */
  readonly searched: number;
  private readonly trials: Feeds[];
  private readonly rounding: Feeds[];
  private reference: Feeds[] | null = null;
  private readonly known = new Map<string, Trial>();
  private readonly knownCosts = new Map<string, number>();
  /** Weights rounded to nearest do not depend on the others' bits. */
  private readonly nearest = new Map<string, WeightStorage>();

  constructor(
    private readonly request: ContestRequest,
    readonly network: Network,
    private readonly all: CalibrationBlocks,
    private readonly job: Job,
  ) {
    const { blocks, size, count } = all;
    // With few samples, half of them are for rounding; rounding to nearest needs none.
    const wanted = Math.ceil(request.rounded / size);
    const half = Math.floor(blocks.length / 2);
    const isPlenty = wanted < half;
    const rounded = isPlenty ? wanted : request.rounding === 'nearest' ? 0 : half;
    this.rounding = rounded > 0 ? blocks.slice(0, rounded) : blocks;
    this.heldOut = rounded > 0 || request.rounding === 'nearest';
    this.trials = blocks.slice(rounded);
    this.samples = count - rounded * size;
    this.searched = Math.ceil(this.trials.length / 2);
  }

  /** Of the costs per block, those of the samples that swaps are found on. */
  seen(costs: readonly number[][]): number[] {
    return costs.slice(0, this.searched).flat();
  }

  /** Those that swaps are believed by: the others, but for a single block. */
  unseen(costs: readonly number[][]): number[] {
    return costs.slice(costs.length > 1 ? this.searched : 0).flat();
  }

  async measure(bits: readonly number[]): Promise<Trial> {
    const key = bits.join();
    let trial = this.known.get(key);
    if (!trial) this.known.set(key, (trial = await this.run(bits, this.trials)));
    return trial;
  }

  /**
   * Mean cost over the samples that are searched on. Of one that reaches `most` that is all that is known: costs are never
   * negative, so the samples still to come cannot bring it back below, and they are not run.
   * @param samples that the mean is over
   */
  async searchCost(bits: readonly number[], most: number, samples: number): Promise<number> {
    const key = bits.join();
    const known = this.known.get(key)?.costs;
    let cost = known ? mean(this.seen(known)) : this.knownCosts.get(key);
    if (cost === undefined) {
      const trials = this.trials.slice(0, this.searched);
      const { costs } = await this.run(bits, trials, most * samples);
      cost = costs.flat().reduce((a, b) => a + b, 0) / samples;
      if (costs.length < trials.length) cost = Math.max(cost, most);
      this.knownCosts.set(key, cost);
    }
    return cost;
  }

  /** @param most stops where the costs together reach this */
  private async run(
    bits: readonly number[],
    trials: readonly Feeds[],
    most: number | null = null,
  ): Promise<Trial> {
    await this.job.checkpoint();
    if (this.reference === null) {
      const reference: Feeds[] = [];
      await this.eachOutput(this.all.model, this.trials, (output) => reference.push(output) > 0);
      this.reference = reference;
    }
    const { reference } = this;
    const storages = await this.round(bits);
    const { model: path } = this.request;
    const quantized = fakeQuantized({ model: this.all.model, path, network: this.network, storages });
    const likeness = new OutputLikeness(basename(path), basename(path));
    const costs: number[][] = [];
    let total = 0;
    await this.eachOutput(quantized, trials, (output) => {
      const float = reference[costs.length];
      likeness.add(float, output, countOf(output));
      const own = sampleCosts(float, output, countOf(output));
      costs.push(own);
      total += own.reduce((a, b) => a + b, 0);
      return most === null || total < most;
    });
    const { kl, agreement, sqnrDb } = likeness.result();
    return { all: { kl, agreement, sqnrDb }, costs };
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
    const missing = new Set(weights.flatMap(({ owner }, i) => (this.nearest.has(key(i)) ? [] : [owner])));
    if (missing.size > 0) {
      // Float weights cost nothing.
      const wanted = bits.map((width, owner) => (missing.has(owner) ? width : 32));
      const rounded = await roundNetwork({ ...work, bits: wanted, method: 'nearest', inputs: [] });
      rounded.forEach((storage, i) => {
        if (missing.has(weights[i].owner)) this.nearest.set(key(i), storage);
      });
    }
    return weights.map((_, i) => this.nearest.get(key(i))!);
  }

  /** @param visit false: enough */
  private async eachOutput(
    model: ModelProto,
    trials: readonly Feeds[],
    visit: (output: Feeds) => boolean,
  ): Promise<void> {
    const { model: path } = this.request;
    const session = await Session.open(serialize(model), {
      provider: 'cpu',
      folder: dirname(path),
      model: path,
      arena: true,
      sleeps: true,
    });
    try {
      for (const feeds of trials) {
        await this.job.checkpoint();
        if (!visit(await session.runTensors(feeds))) return;
      }
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
  { kind, model: path, granularity, data, memoryLimit, rounding }: NoiseRequest | ContestRequest,
  activations: number,
  job: Job,
  work: (opened: Opened, blocks: CalibrationBlocks) => Promise<T>,
): Promise<T> {
  job.progress('Reading the model', 0);
  const file = await readModel(path);
  const network = findNetwork(file, { granularity, shapes: data.shapes, branches: data.branches });
  const { model } = takeBranches(file, data.branches);
  const dataset = await openDataset(data, network.inputs, { signal: job.signal, atMost: true });
  try {
    const limit = limitOf(memoryLimit);
    const samples = await Samples.open(dataset, limit / 8, job, (done) =>
      job.progress('Reading samples', 0.1 * done),
    );
    const layers = network.functions.flatMap((f) => f.layers);
    const isMeasured = kind === 'noise' || (rounding !== undefined && rounding !== 'nearest');
    const statistics = largestStatistics(isMeasured ? layers : [], rounding ?? null);
    checkStatistics(statistics, limit, path, "choose the objective 'orthogonality', which measures no noise");
    const blocks = await calibrationBlocks(
      dataset,
      samples,
      { model, network, path },
      { limit, activations, reserved: statistics.bytes, job },
    );
    return await work({ network, warnings: dataset.warnings }, blocks);
  } finally {
    await dataset.close();
  }
}
