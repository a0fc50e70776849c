/** Two models' outputs side by side, block by block. */
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { BoxAgreement } from '../../../core/boxes';
import { add, ClassLikeness, mean, relativeNoise } from '../../../core/metrics';
import { type ComparedTensor, countsOf, type OutputPlan } from '../../../onnx/network/outputs';
import { OutputSums } from '../../outputSums';
import { EngineFault } from '../job/faults';
import type { Feeds } from '../ort/session';
import { detectionPair } from './detections';
import { classRows } from './settle';

/** All outputs of two models side by side. */
export class OutputSimilarity extends OutputSums {
  /**
   * @param plan settled on the first model's outputs
   * @param names of the two models, for messages
   */
  constructor(
    plan: OutputPlan,
    private readonly names: readonly [string, string],
  ) {
    super(plan);
  }

  /** @param reference the first model's compared tensors, and its outputs where they are to be compared, too */
  add(reference: Feeds, other: Feeds): void {
    for (const compared of this.plan.compared) this.addTensor(compared, reference, other);
    for (const { name, kind, isSized } of this.plan.outputs) {
      const [a, b] = [reference[name], other[name]] as (Feeds[string] | undefined)[];
      if (!a || !b) continue;
      if (kind === 'labels') {
        const [x, y] = [choicesOf(a), choicesOf(b)];
        if (x && y) this.labelsOf(name).add(x, y);
        else this.labelsOf(name).add(a.data, b.data);
      }
      if (isSized) add(this.rowsOf(name), [a.dims.join() === b.dims.join() ? 1 : 0, 1]);
    }
    const found = detectionPair(this.plan, reference, other);
    if (found) (this.boxes ??= new BoxAgreement()).add(...found);
  }

  private addTensor(compared: ComparedTensor, reference: Feeds, other: Feeds): void {
    const { tensor } = compared;
    const [a, b] = pair(tensor, reference, other, this.names);
    const { power, classes } = this.tensors.get(tensor)!;
    const [first, second] = [numbers(a), numbers(b)];
    power.add(first, second);
    if (!classes) return;
    const [x, y] = [classRows(compared, a), classRows(compared, b)];
    classes.add(x.data, y.data, x.classes);
  }
}

/** Of one-hot vectors the place of the one, so that a wrong choice counts once; null: something else. */
function choicesOf(tensor: Feeds[string]): Int32Array | null {
  const { dims } = tensor;
  const width = dims.at(-1) ?? 1;
  if (width < 2) return null;
  const values = numbers(tensor);
  const found = new Int32Array(values.length / width).fill(-1);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value === 0) continue;
    const row = Math.floor(i / width);
    if (value !== 1 || found[row] >= 0) return null;
    found[row] = i % width;
  }
  return found.includes(-1) ? null : found;
}

/**
 * What each sample of a block adds to the cost that allocations are ranked by (Comparison.cost); their mean over all blocks is
 * that cost. One number for the block where its samples cannot be told apart.
 * @param powers per compared tensor, mean square of the reference over all blocks
 */
export function sampleCosts(
  plan: OutputPlan,
  powers: ReadonlyMap<string, number>,
  [reference, other]: readonly [Feeds, Feeds],
  count: number,
  names: readonly [string, string],
): number[] {
  const { compared } = plan;
  const counts = countsOf(plan);
  const each = compared.map((one) => {
    const [a, b] = pair(one.tensor, reference, other, names);
    const parts = a.dims[0] === count ? count : 1;
    if (one.kind === 'classes') {
      const [x, y] = [classRows(one, a), classRows(one, b)];
      return means(new ClassLikeness(one.form ?? 'scores').divergences(x.data, y.data, x.classes), parts);
    }
    const [x, y] = [numbers(a), numbers(b)];
    const squares = Float64Array.from({ length: x.length }, (_, i) => (x[i] - y[i]) ** 2);
    return means(squares, parts).map((noise) => relativeNoise(noise, powers.get(one.tensor) ?? 0));
  });
  const parts = Math.min(...each.map(({ length }) => length));
  return Array.from({ length: parts }, (_, i) =>
    mean(
      each.map((costs) => (costs.length === parts ? costs[i] : mean(costs))),
      counts,
    ),
  );
}

/** Mean squares of the compared tensors over blocks. */
export function powersOf({ compared }: OutputPlan, blocks: readonly Feeds[]): Map<string, number> {
  return new Map(
    compared.map(({ tensor }) => {
      let [sum, count] = [0, 0];
      for (const block of blocks) {
        const values = numbers(block[tensor]);
        for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
        count += values.length;
      }
      return [tensor, count === 0 ? 0 : sum / count];
    }),
  );
}

function pair(
  tensor: string,
  reference: Feeds,
  other: Feeds,
  [first, second]: readonly [string, string],
): [Feeds[string], Feeds[string]] {
  const [a, b] = [reference[tensor], other[tensor]] as (Feeds[string] | undefined)[];
  if (!a || !b || !isFloat(a.type) || !isFloat(b.type)) {
    throw new EngineFault(
      `"${tensor}" of ${first} cannot be compared: ${second} has no such tensor of floats; compare a model with its quantized version.`,
    );
  }
  if (a.dims.join() !== b.dims.join()) {
    throw new EngineFault(
      `"${tensor}" of ${second} has another shape (${b.dims.join(' x ')}) than that of ${first} (${a.dims.join(' x ')}); the two do not compute the same.`,
    );
  }
  return [a, b];
}

/** Of equal parts, one after the other. */
function means(values: ArrayLike<number>, parts: number): number[] {
  const size = values.length / parts;
  const sums = new Array<number>(parts).fill(0);
  for (let i = 0; i < values.length; i++) sums[Math.floor(i / size)] += values[i];
  return sums.map((sum) => (size === 0 ? 0 : sum / size));
}
