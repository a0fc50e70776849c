/** How close one model's outputs are to another's, added up block by block. */
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { ClassLikeness, OutputSums } from '../../../core/metrics';
import { EngineFault } from '../job/faults';
import type { Feeds } from '../ort/session';

/** All outputs of two models side by side. */
export class OutputLikeness extends OutputSums {
  /** @param names of the two models, for messages */
  constructor(
    private readonly reference: string,
    private readonly other: string,
    probabilities: boolean | null = null,
  ) {
    super(probabilities);
  }

  /** @param count samples in the block */
  add(reference: Feeds, other: Feeds, count: number): void {
    for (const [name, tensor] of Object.entries(reference)) {
      const twin = other[name];
      if (!twin || !isFloat(tensor.type)) continue;
      if (twin.data.length !== tensor.data.length) {
        throw new EngineFault(
          `The output "${name}" of ${this.other} has another shape than that of ${this.reference}; the two do not compute the same.`,
        );
      }
      this.output(name).add(numbers(tensor), numbers(twin));
    }
    if (this.outputs.size === 0) {
      throw new EngineFault(
        `${this.reference} and ${this.other} have no output in common; compare a model with its quantized version.`,
      );
    }
    const first = classScores(reference, count);
    const second = classScores(other, count);
    if (first === null || second?.classes !== first.classes) return;
    this.classified = true;
    this.classes.add(first.data, second.data, first.classes);
  }
}

/**
 * What each sample of a block adds to the cost that allocations are ranked by (costOf); their mean is the block's. One
 * number for the block where its samples cannot be told apart.
 */
export function sampleCosts(reference: Feeds, other: Feeds, count: number): number[] {
  const first = classScores(reference, count);
  const second = classScores(other, count);
  if (first && second?.classes === first.classes)
    return new ClassLikeness().divergences(first.data, second.data, first.classes);
  const name = Object.keys(reference).find((each) => isFloat(reference[each].type) && other[each]);
  if (name === undefined) return [];
  const [a, b] = [numbers(reference[name]), numbers(other[name])];
  const rows = reference[name].dims[0] === count ? count : 1;
  const size = a.length / rows;
  const noise = new Array<number>(rows).fill(0);
  let signal = 0;
  for (let i = 0; i < a.length; i++) {
    noise[Math.floor(i / size)] += (a[i] - b[i]) ** 2;
    signal += a[i] ** 2;
  }
  return noise.map((each) => (each === 0 ? 0 : (each * rows) / signal));
}

export interface ClassScores {
  data: ArrayLike<number>;
  classes: number;
}

/** The first float output of one row of two scores or more per sample (trailing axes of size 1 allowed). */
export function classScores(outputs: Feeds, count: number): ClassScores | null {
  for (const tensor of Object.values(outputs)) {
    const { dims, type } = tensor;
    if (!isFloat(type) || dims.length < 2 || dims[0] !== count || dims[1] < 2) continue;
    if (dims.slice(2).every((size) => size === 1)) return { data: numbers(tensor), classes: dims[1] };
  }
  return null;
}
