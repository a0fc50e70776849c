/** Allocations tried on the calibration inputs. */
import { bitsOf, groupOf } from '../../../common/storageCode';
import { basename } from 'node:path';
import { isLower } from '../../../core/allocation/paired';
import type { Network } from '../../../onnx/network/network';
import { type OutputChoice, type OutputPlan, planOutputs } from '../../../onnx/network/outputs';
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import type { ContestRequest, NoiseRequest } from '../../protocol';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { limitOf } from '../ort/memory';
import { Samples } from '../ort/samples';
import type { Feeds } from '../ort/session';
import { withModel } from '../ort/withModel';
import { calibrationBlocks, type CalibrationBlocks } from '../rounding/calibrationBlocks';
import { momentsMemory } from '../rounding/momentsMemory';
import { roundApart } from '../rounding/roundApart';
import { roundNetwork } from '../rounding/roundNetwork';
import { isComplete, mean, OutputTrials, type Trial } from '../evaluate/outputTrials';

/** Samples that tell whether one is clearly worse than another. */
const ENOUGH = 32;

/** Allocations, rounded on some of the samples and run on the others. */
export class CandidateTrials {
  readonly samples: number;
  readonly heldOut: boolean;
  /** Blocks that swaps are tried on, of those that count; the others are for believing them. */
  readonly searched: number;
  private readonly network: Network;
  private readonly outputs: OutputTrials;
  private readonly wide: ReadonlySet<string>;
  private readonly trials: Feeds[];
  private readonly rounding: Feeds[];
  private readonly known = new Map<string, Trial>();
  private readonly knownCosts = new Map<string, number>();
  /** Weights that are rounded to nearest, or each layer by itself, do not depend on the others' bits. */
  private readonly apart = new Map<string, WeightStorage>();
  private isRounded = false;
  /** Per function, the widths that come up in the request: others are not rounded by GPTQ. */
  private readonly widths: ReadonlySet<number>[];

  constructor(
    private readonly request: ContestRequest,
    { network, plan, wide }: Opened,
    private readonly all: CalibrationBlocks,
    private readonly job: Job,
  ) {
    this.network = network;
    this.wide = wide;
    const asked = [...request.candidates, ...(request.points ?? [])];
    this.widths = network.functions.map((_, i) => new Set(asked.map((codes) => codes[i])));
    const { model, blocks, size, fixed, count } = all;
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
    const countOf = (block: number) => (fixed ? size : Math.min(size, this.samples - block * size));
    this.outputs = new OutputTrials({
      model,
      network,
      path: request.model,
      plan,
      blocks: this.trials,
      countOf,
      job,
    });
  }

  /** Of the costs per block, those of the samples that swaps are found on. */
  searchHalf(costs: readonly number[][]): number[] {
    return costs.slice(0, this.searched).flat();
  }

  /** Those that swaps are believed by: the others, but for a single block. */
  validationHalf(costs: readonly number[][]): number[] {
    return costs.slice(costs.length > 1 ? this.searched : 0).flat();
  }

  /** @param than one that is clearly worse than this is not run to the end */
  async measure(bits: readonly number[], than: Trial | null = null): Promise<Trial> {
    const key = bits.join();
    const known = this.known.get(key);
    if (known) return known;
    const trial = await this.run(bits, this.trials.length, (costs) => {
      const seen = costs.flat();
      return !!than && seen.length >= ENOUGH && isLower(than.costs.slice(0, costs.length).flat(), seen);
    });
    if (isComplete(trial)) this.known.set(key, trial);
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
    let cost = known ? mean(this.searchHalf(known)) : this.knownCosts.get(key);
    if (cost === undefined) {
      const sum = (of: readonly number[][]): number => of.flat().reduce((a, b) => a + b, 0);
      const { costs } = await this.run(bits, this.searched, (so) => sum(so) >= most * samples);
      cost = sum(costs) / samples;
      if (costs.length < this.searched) cost = Math.max(cost, most);
      this.knownCosts.set(key, cost);
    }
    return cost;
  }

  private async run(
    bits: readonly number[],
    blocks: number,
    isEnough?: (costs: readonly number[][]) => boolean,
  ): Promise<Trial> {
    await this.job.checkpoint();
    return this.outputs.run(await this.round(bits), blocks, isEnough);
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
    if (request.rounding === 'reconstruct') {
      return roundNetwork({ ...work, ...stored(bits), method: 'reconstruct', inputs: this.rounding });
    }
    const { apart, rounding: inputs, wide, widths } = this;
    const weights = networkWeights(network);
    const key = (tensor: string, code: number): string => `${tensor} ${code}`;
    if (request.rounding === 'gptq' && !this.isRounded) {
      this.isRounded = true;
      await roundApart({ ...work, wide, inputs }, widths, (code, storage) =>
        apart.set(key(storage.tensor, code), storage),
      );
    }
    const isMissing = ({ tensor, owner }: (typeof weights)[number]): boolean =>
      !apart.has(key(tensor, bits[owner]));
    const missing = new Set(weights.filter(isMissing).map(({ owner }) => owner));
    if (missing.size > 0) {
      // Float weights cost nothing.
      const wanted = bits.map((width, owner) => (missing.has(owner) ? width : 32));
      const rounded = await roundNetwork({ ...work, ...stored(wanted), method: 'nearest', inputs: [] });
      weights.forEach((weight, i) => {
        if (isMissing(weight)) apart.set(key(weight.tensor, bits[weight.owner]), rounded[i]);
      });
    }
    return weights.map(({ tensor, owner }) => apart.get(key(tensor, bits[owner]))!);
  }

  /** Of the widths that a function may take, those that swaps can be tried with. */
  widthsTried(owner: number, allowed: readonly number[]): number[] {
    return allowed.filter((code) => this.request.rounding !== 'gptq' || this.widths[owner].has(code));
  }
}

/** Widths and groups of storageCodes. */
function stored(codes: readonly number[]): { bits: number[]; groups: number[] } {
  return { bits: codes.map(bitsOf), groups: codes.map(groupOf) };
}

export interface Opened {
  network: Network;
  /** Layers without second moments; see momentsMemory. */
  wide: ReadonlySet<string>;
  plan: OutputPlan;
  warnings: string[];
}

function nothingToCompare(path: string, { outputs }: OutputPlan): EngineFault {
  const reasons = outputs.map(({ name, reason }) => `"${name}": ${reason}`).join('; ');
  return new EngineFault(
    `Allocations of ${basename(path)} cannot be compared by running them (${reasons}); choose an objective, as --objective noise-aware.`,
  );
}

/**
 * @param choices what the user says of the outputs
 * @param work `take` reads samples as one block
 */
export async function withBlocks<T>(
  request: NoiseRequest | ContestRequest,
  activations: number,
  choices: Readonly<Record<string, OutputChoice>>,
  job: Job,
  work: (
    opened: Opened,
    blocks: CalibrationBlocks,
    take: (from: number, to: number) => Promise<Feeds>,
  ) => Promise<T>,
): Promise<T> {
  const { kind, model: path, rounding } = request;
  return withModel(
    request,
    job,
    async ({ model, network, dataset }) => {
      const plan = planOutputs(model, network, choices);
      if (kind === 'contest' && plan.compared.length === 0) throw nothingToCompare(path, plan);
      const limit = limitOf(request.memoryLimit);
      const samples = await Samples.open(dataset, limit / 8, job, (done) =>
        job.progress('Reading samples', 0.1 * done),
      );
      const layers = network.functions.flatMap((f) => f.layers);
      const isMeasured = kind === 'noise' || (rounding !== undefined && rounding !== 'nearest');
      const moments = momentsMemory(isMeasured ? layers : [], rounding ?? null, limit);
      for (const warning of moments.warnings) job.log('warn', warning);
      const blocks = await calibrationBlocks(
        dataset,
        samples,
        { model, network, path },
        { limit, activations, reserved: moments.bytes, plan: plan.compared.length > 0 ? plan : null, job },
      );
      const opened = { network, wide: moments.wide, plan, warnings: dataset.warnings };
      const take = (from: number, to: number) =>
        samples.take(Array.from({ length: to - from }, (_, i) => from + i));
      return work(opened, blocks, take);
    },
    { atMost: true },
  );
}
