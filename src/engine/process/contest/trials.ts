/** Allocations tried on the calibration inputs. */
import { bitsOf, groupOf } from '../../../common/storageCode';
import { basename } from 'node:path';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import type { Network } from '../../../onnx/network/network';
import { type OutputChoice, type OutputPlan, planOutputs } from '../../../onnx/network/outputs';
import { fakeQuantized, isTooLargeInside } from '../../../onnx/packing/fakeQuantize';
import { quantizeModel, type WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import { weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { ContestRequest, Measured, NoiseRequest } from '../../protocol';
import { settle } from '../evaluate/settle';
import { OutputSimilarity, powersOf, sampleCosts } from '../evaluate/similarity';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { limitOf } from '../ort/memory';
import { Samples } from '../ort/samples';
import { type Feeds, Session } from '../ort/session';
import { withModel } from '../ort/withModel';
import { calibrationBlocks, type CalibrationBlocks } from '../rounding/calibrationBlocks';
import { momentsMemory } from '../rounding/momentsMemory';
import { roundNetwork } from '../rounding/roundNetwork';

/** The float model's outputs on the samples that count, and quantized models measured against them. */
export class CandidateTrials {
  readonly samples: number;
  readonly heldOut: boolean;
  /** Blocks that swaps are tried on, of those that count; the others are for believing them. */
  readonly searched: number;
  private readonly network: Network;
  /** Settled by the first outputs of the float model. */
  private plan: OutputPlan;
  private powers: ReadonlyMap<string, number> = new Map();
  private readonly trials: Feeds[];
  private readonly rounding: Feeds[];
  private reference: Feeds[] | null = null;
  private readonly known = new Map<string, Trial>();
  private readonly knownCosts = new Map<string, number>();
  /** Weights rounded to nearest do not depend on the others' bits. */
  private readonly nearest = new Map<string, WeightStorage>();

  constructor(
    private readonly request: ContestRequest,
    { network, plan }: Pick<Opened, 'network' | 'plan'>,
    private readonly all: CalibrationBlocks,
    private readonly job: Job,
  ) {
    this.network = network;
    this.plan = plan;
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
  searchHalf(costs: readonly number[][]): number[] {
    return costs.slice(0, this.searched).flat();
  }

  /** Those that swaps are believed by: the others, but for a single block. */
  validationHalf(costs: readonly number[][]): number[] {
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
    let cost = known ? mean(this.searchHalf(known)) : this.knownCosts.get(key);
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
      this.plan = settle(this.plan, reference[0], this.countOf(0));
      this.powers = powersOf(this.plan, reference);
    }
    const { reference } = this;
    const storages = await this.round(bits);
    const { model: path } = this.request;
    const { model } = this.all;
    const { network } = this;
    const quantized = isTooLargeInside(network)
      ? quantizeModel(model, storages, { scaleType: 'float32' })
      : fakeQuantized({ model, path, network, storages });
    const names = [basename(path), basename(path)] as const;
    const similarity = new OutputSimilarity(this.plan, names);
    const costs: number[][] = [];
    let total = 0;
    await this.eachOutput(quantized, trials, (output) => {
      const float = reference[costs.length];
      similarity.add(float, output);
      const own = sampleCosts(this.plan, this.powers, [float, output], this.countOf(costs.length), names);
      costs.push(own);
      total += own.reduce((a, b) => a + b, 0);
      return most === null || total < most;
    });
    const { kl, agreement, sqnrDb, cost } = similarity.result();
    return { all: { kl, agreement, sqnrDb, cost }, costs };
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
      return roundNetwork({ ...work, ...stored(bits), method: request.rounding, inputs: this.rounding });
    }
    const weights = networkWeights(network);
    const key = (i: number): string => `${weights[i].tensor} ${bits[weights[i].owner]}`;
    const missing = new Set(weights.flatMap(({ owner }, i) => (this.nearest.has(key(i)) ? [] : [owner])));
    if (missing.size > 0) {
      // Float weights cost nothing.
      const wanted = bits.map((width, owner) => (missing.has(owner) ? width : 32));
      const rounded = await roundNetwork({ ...work, ...stored(wanted), method: 'nearest', inputs: [] });
      rounded.forEach((storage, i) => {
        if (missing.has(weights[i].owner)) this.nearest.set(key(i), storage);
      });
    }
    return weights.map((_, i) => this.nearest.get(key(i))!);
  }

  /** Samples in a block that is run; a block of a fixed size is filled up. */
  private countOf(index: number): number {
    const { size, fixed } = this.all;
    return fixed ? size : Math.min(size, this.samples - index * size);
  }

  /** @param visit false: enough */
  private async eachOutput(
    model: ModelProto,
    trials: readonly Feeds[],
    visit: (output: Feeds) => boolean,
  ): Promise<void> {
    const { model: path } = this.request;
    const compared = this.plan.compared.map(({ tensor }) => tensor);
    const session = await Session.open(serialize(returning(model, compared)), {
      provider: 'cpu',
      folder: weightsFolder(path),
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

/** Widths and groups of storageCodes. */
function stored(codes: readonly number[]): { bits: number[]; groups: number[] } {
  return { bits: codes.map(bitsOf), groups: codes.map(groupOf) };
}

export interface Trial {
  /** Over all samples. */
  all: Measured;
  /** Per block and sample, what allocations are ranked by. */
  costs: number[][];
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

/** @param choices what the user says of the outputs; null: they are not looked at */
export async function withBlocks<T>(
  request: NoiseRequest | ContestRequest,
  activations: number,
  choices: Readonly<Record<string, OutputChoice>> | null,
  job: Job,
  work: (opened: Opened, blocks: CalibrationBlocks) => Promise<T>,
): Promise<T> {
  const { kind, model: path, rounding } = request;
  return withModel(
    request,
    job,
    async ({ model, network, dataset }) => {
      const plan = planOutputs(model, network, choices ?? {});
      if (choices && plan.compared.length === 0) throw nothingToCompare(path, plan);
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
        { limit, activations, reserved: moments.bytes, plan: choices ? plan : null, job },
      );
      return work({ network, wide: moments.wide, plan, warnings: dataset.warnings }, blocks);
    },
    { atMost: true },
  );
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
