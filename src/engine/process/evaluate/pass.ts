import { basename } from 'node:path';
import type { Dataset } from '../../../calibration/inputs/dataset';
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { classNumbers } from '../../../calibration/labels/classes';
import { Accuracy } from '../../../core/metrics';
import type { Network } from '../../../onnx/network/network';
import { type OutputPlan } from '../../../onnx/network/outputs';
import type { Shard } from '../../protocol';
import { type Tally } from '../../protocol';
import { type AdaptiveSession } from '../devices/adaptiveSession';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { isAlikeInBatch } from '../ort/alike';
import { fixedBatch } from '../ort/samples';
import { type Feeds } from '../ort/session';
import { blockSize } from './blockSize';
import { classRows, settle } from './settle';
import { OutputSimilarity } from './similarity';

/** A set of samples through one or two models, counted block by block. */
const NO_LABELS =
  'The data has no labels, so there is no accuracy: name its folders by class, add a labels.csv of file,label or an array "labels", or give a second model to compare with.';

/** All samples, or a shard of them, through one or two models. */
export class Pass {
  readonly warnings: string[] = [];
  readonly tallies: Tally[] = [];
  /** Samples per run; falls to 1 where a model turns out not to take several. */
  blockSize: number;
  /** Class numbers of the model, once its first outputs have told how many classes it has. */
  private labels: Int32Array | null;
  private numbered = false;
  /** Settled by the first block of all. */
  plan: OutputPlan;
  private isSettled = false;
  private readonly mayBatch: boolean;

  constructor(
    private readonly dataset: Dataset,
    { network, plan, isRandom }: { network: Network; plan: OutputPlan; isRandom: boolean },
    private readonly paths: readonly string[],
    most: number,
    private readonly job: Job,
    private readonly share: number,
  ) {
    this.plan = plan;
    const isFixed = fixedBatch(network.inputs, dataset.batchAxes) !== null;
    // Rows that come and go cannot be told apart by sample, nor do batches draw what single samples draw.
    const isSingle = isRandom || plan.outputs.some(({ kind }) => kind === 'rows');
    this.blockSize = isSingle && !isFixed ? 1 : blockSize(dataset, network.inputs, most);
    this.mayBatch = !isFixed;
    this.labels = dataset.labels;
    if (!this.labels && paths.length === 1) this.warnings.push(NO_LABELS);
  }

  async run(sessions: readonly AdaptiveSession[], shard: Shard): Promise<void> {
    const { dataset, job } = this;
    if (this.mayBatch && this.blockSize > 1 && dataset.size > 1 && !(await this.takesBatches(sessions))) {
      job.log('info', 'Several samples at once do not give what they give alone; they are run one by one.');
      this.blockSize = 1;
    }
    // A fixed batch that the samples do not fill is left out rather than filled up: it would count samples twice.
    const fixed = this.blockSize;
    let [start, end] = this.range(shard);
    // Every shard runs the first block, which tells how the model takes samples and what its outputs are.
    for (let from = 0; from < end;) {
      await job.checkpoint();
      job.progress('Running', (Math.max(0, from - start) / Math.max(1, end - start)) * this.share);
      const count = Math.min(this.blockSize, dataset.size - from);
      const feeds = await dataset.read(from, count);
      const outputs: Feeds[] = [];
      try {
        const left = Math.ceil((end - from) / this.blockSize);
        for (const session of sessions) outputs.push(await session.runTensors(feeds, left));
      } catch (error) {
        if (this.blockSize === 1 || !(error instanceof EngineFault)) throw error;
        if (count < fixed && from > 0) {
          this.warnings.push(
            `The last ${count} samples do not fill the batch of ${fixed} that the model fixes and were left out.`,
          );
          break;
        }
        job.log('debug', `${count} samples at once do not run: ${error.message}`);
        this.blockSize = 1;
        [start, end] = this.range(shard);
        continue;
      }
      const tally = this.tally(outputs, from, count);
      if (from >= start) this.tallies.push(tally);
      from = from < start ? start : from + count;
    }
  }

  /** Proved on two samples, on everything that is compared. */
  private async takesBatches(sessions: readonly AdaptiveSession[]): Promise<boolean> {
    const feeds = [
      await this.dataset.read(0, 2),
      await this.dataset.read(0, 1),
      await this.dataset.read(1, 1),
    ];
    try {
      for (const session of sessions) {
        const [pair, first, second] = [
          await session.runTensors(feeds[0], 0),
          await session.runTensors(feeds[1], 0),
          await session.runTensors(feeds[2], 0),
        ];
        if (!isAlikeInBatch(pair, [first, second])) return false;
      }
      return true;
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error;
      this.job.log('debug', `Two samples at once do not run: ${error.message}`);
      return false;
    }
  }

  /** Samples of the shard: whole blocks. */
  private range({ index, count }: Shard): [number, number] {
    const blocks = Math.ceil(this.dataset.size / this.blockSize);
    const at = (i: number) => Math.min(this.dataset.size, Math.floor((i * blocks) / count) * this.blockSize);
    return [at(index), at(index + 1)];
  }

  private tally(outputs: readonly Feeds[], from: number, count: number): Tally {
    const [reference, other] = outputs;
    outputs.forEach((each, i) => refuseNaN(each, this.plan, basename(this.paths[i]), from, count));
    if (!this.isSettled) this.plan = settle(this.plan, reference, count, this.labels);
    this.isSettled = true;
    const scores = this.scores(outputs, count);
    let similarity: OutputSimilarity | null = null;
    if (other) {
      const [a, b] = this.paths.map((path) => basename(path));
      similarity = new OutputSimilarity(this.plan, [a, b]);
      similarity.add(reference, other);
    }
    return {
      samples: count,
      classes: scores ? scores[0].classes : 0,
      accuracies: scores && this.right(scores, from, count),
      similarity: similarity && similarity.sums,
    };
  }

  /** Labels that name classes become the model's class numbers. */
  private numberLabels(classes: number): void {
    const { labels, classNames, classList } = this.dataset;
    if (this.numbered || !labels || !classNames) return;
    this.numbered = true;
    const { numbers, warnings } = classNumbers(classNames, classes, classList);
    this.warnings.push(...warnings);
    this.labels = numbers && labels.map((label) => numbers[label]);
  }

  /** Per model, the first scores that have one row a sample; null where no output has. */
  private scores(outputs: readonly Feeds[], count: number): ClassScores[] | null {
    const found = this.plan.compared.find(
      (one) =>
        one.kind === 'classes' &&
        one.form !== 'independent' &&
        outputs[0][one.tensor].data.length === count * classRows(one, outputs[0][one.tensor]).classes,
    );
    return found ? outputs.map((each) => classRows(found, each[found.tensor])) : null;
  }

  /** Per model; null where there are no labels that fit. */
  private right(scores: readonly ClassScores[], from: number, count: number): number[][] | null {
    const [first] = scores;
    this.numberLabels(first.classes);
    if (!this.labels) return null;
    const labels = this.labels.subarray(from, from + count);
    // All of them, so that the first block tells.
    const beyond = this.labels.find((label) => label < 0 || label >= first.classes);
    if (beyond !== undefined) {
      const model = basename(this.paths[0]);
      const message = `The data has the label ${beyond}, but ${model} has ${first.classes} classes, 0 to ${first.classes - 1}`;
      // Two models can be compared without labels.
      if (this.paths.length === 1)
        throw new EngineFault(`${message}; check the order and the numbers of the labels.`);
      this.warnings.push(`${message}; no accuracy can be given.`);
      this.labels = null;
      return null;
    }
    return scores.map(({ data, classes }) => {
      const accuracy = new Accuracy();
      accuracy.add(data, classes, labels);
      return accuracy.sums;
    });
  }
}

interface ClassScores {
  data: ArrayLike<number>;
  classes: number;
}

/** What is not a number compares with nothing, and would count as equal. */
function refuseNaN(
  outputs: Feeds,
  { compared }: OutputPlan,
  model: string,
  from: number,
  count: number,
): void {
  for (const { tensor: name } of compared) {
    const tensor = outputs[name];
    if (!isFloat(tensor.type)) continue;
    const values = numbers(tensor);
    const at = Array.prototype.findIndex.call(values, Number.isNaN);
    if (at < 0) continue;
    const sample = tensor.dims[0] === count ? from + Math.floor((at * count) / values.length) : from;
    throw new EngineFault(
      `The output "${name}" of ${model} is not a number (NaN) for sample ${sample + 1} of the data; check the data and how they are prepared.`,
    );
  }
}
