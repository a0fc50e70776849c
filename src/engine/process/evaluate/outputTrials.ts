/** The float model's outputs on some samples, and models with rounded weights measured against them. */
import { basename } from 'node:path';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import type { Network } from '../../../onnx/network/network';
import type { OutputPlan } from '../../../onnx/network/outputs';
import { fakeQuantized, isTooLargeInside } from '../../../onnx/packing/fakeQuantize';
import { quantizeModel, type WeightStorage } from '../../../onnx/packing/quantizeModel';
import { weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { Measured } from '../../protocol';
import { settle } from './settle';
import { OutputSimilarity, powersOf, sampleCosts } from './similarity';
import type { Job } from '../job/job';
import { type Feeds, Session } from '../ort/session';
import { FedWeights } from './fedWeights';

export interface Trial {
  /** Over all samples that were run. */
  all: Measured;
  /** Per block and sample, what allocations are ranked by. */
  costs: number[][];
}

/** Run on all samples: only then can its mean be compared with another's. */
export function isComplete({ all }: Trial): boolean {
  return all.samples === undefined;
}

/** What is tried, and on which inputs. */
export interface Tried {
  /** The model as samples are run through it. */
  model: ModelProto;
  network: Network;
  path: string;
  plan: OutputPlan;
  blocks: readonly Feeds[];
  /** Samples in a block: one of a fixed size may be filled up. */
  countOf: (block: number) => number;
  job: Job;
}

export class OutputTrials {
  /** Settled by the first outputs of the float model. */
  private plan: OutputPlan;
  private powers: ReadonlyMap<string, number> = new Map();
  private reference: Feeds[] | null = null;
  /** Null: each trial has a session of its own. */
  private fed: FedWeights | null = null;

  constructor(private readonly tried: Tried) {
    this.plan = tried.plan;
  }

  /** From now on, one session serves all trials where the weights can be fed: for small changes many times over. */
  async feedWeights(): Promise<void> {
    const { model, network, path } = this.tried;
    const compared = this.plan.compared.map(({ tensor }) => tensor);
    this.fed ??= isTooLargeInside(network) ? null : await FedWeights.open(model, network, path, compared);
  }

  async close(): Promise<void> {
    await this.fed?.close();
    this.fed = null;
  }

  /**
   * @param storages one per weight of networkWeights
   * @param count of the blocks, the first so many are run
   * @param isEnough asked after every block, with the costs so far: true stops the trial there
   */
  async run(
    storages: readonly WeightStorage[],
    count = this.tried.blocks.length,
    isEnough: (costs: readonly number[][]) => boolean = () => false,
  ): Promise<Trial> {
    const { model, network, path, countOf } = this.tried;
    if (this.reference === null) {
      const reference: Feeds[] = [];
      await this.eachOutput(model, this.tried.blocks.length, (output) => reference.push(output) > 0);
      this.reference = reference;
      this.plan = settle(this.plan, reference[0], countOf(0));
      this.powers = powersOf(this.plan, reference);
    }
    const { reference } = this;
    const names = [basename(path), basename(path)] as const;
    const similarity = new OutputSimilarity(this.plan, names);
    const costs: number[][] = [];
    const visit = (output: Feeds): boolean => {
      const float = reference[costs.length];
      similarity.add(float, output);
      const own = sampleCosts(this.plan, this.powers, [float, output], countOf(costs.length), names);
      costs.push(own);
      return !isEnough(costs);
    };
    if (this.fed) {
      const { fed } = this;
      const weights = await fed.feeds(storages);
      await this.eachOf((feeds) => fed.run({ ...feeds, ...weights }), count, visit);
    } else {
      const quantized = isTooLargeInside(network)
        ? quantizeModel(model, storages, { scaleType: 'float32' })
        : fakeQuantized({ model, path, network, storages });
      await this.eachOutput(quantized, count, visit);
    }
    const { kl, agreement, sqnrDb, cost } = similarity.result();
    const isCut = costs.length < this.tried.blocks.length;
    return {
      all: { kl, agreement, sqnrDb, cost, ...(isCut ? { samples: costs.flat().length } : {}) },
      costs,
    };
  }

  /** @param visit false: enough */
  private async eachOutput(
    model: ModelProto,
    count: number,
    visit: (output: Feeds) => boolean,
  ): Promise<void> {
    const { path } = this.tried;
    const compared = this.plan.compared.map(({ tensor }) => tensor);
    const session = await Session.open(serialize(returning(model, compared)), {
      provider: 'cpu',
      folder: weightsFolder(path),
      model: path,
      arena: true,
      sleeps: true,
    });
    try {
      await this.eachOf((feeds) => session.runTensors(feeds), count, visit);
    } finally {
      await session.close();
    }
  }

  private async eachOf(
    run: (feeds: Feeds) => Promise<Feeds>,
    count: number,
    visit: (output: Feeds) => boolean,
  ): Promise<void> {
    const { blocks, job } = this.tried;
    for (const feeds of blocks.slice(0, count)) {
      await job.checkpoint();
      if (!visit(await run(feeds))) return;
    }
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
