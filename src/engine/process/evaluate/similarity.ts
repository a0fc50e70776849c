/** How close one model's outputs are to another's, added up block by block. */
import { isFloat } from '../../../calibration/inputs/tensorTypes';
import { fromFloat16Bits } from '../../../onnx/proto/float16';
import { EngineFault } from '../job/job';
import type { Comparison } from '../../protocol';
import type { Feeds } from '../ort/session';

/** What a block of samples adds to the likeness of two models: plain sums, so that parts of a job can be put together. */
export interface LikenessSums {
  /** Per output, as in Likeness. */
  outputs: [name: string, sums: number[]][];
  /** As in ClassLikeness; null where nothing looked like scores of classes. */
  classes: number[] | null;
}

/** All outputs of two models side by side. */
export class OutputLikeness {
  private readonly outputs = new Map<string, Likeness>();
  private readonly classes: ClassLikeness;
  private classified = false;

  /** @param names of the two models, for messages */
  constructor(
    private readonly reference: string,
    private readonly other: string,
    probabilities: boolean | null = null,
  ) {
    this.classes = new ClassLikeness(probabilities);
  }

  get sums(): LikenessSums {
    return {
      outputs: [...this.outputs].map(([name, { sums }]) => [name, [...sums]]),
      classes: this.classified ? [...this.classes.sums] : null,
    };
  }

  plus({ outputs, classes }: LikenessSums): void {
    for (const [name, sums] of outputs) {
      let likeness = this.outputs.get(name);
      if (!likeness) this.outputs.set(name, (likeness = new Likeness()));
      add(likeness.sums, sums);
    }
    if (classes === null) return;
    this.classified = true;
    add(this.classes.sums, classes);
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
      let likeness = this.outputs.get(name);
      if (!likeness) this.outputs.set(name, (likeness = new Likeness()));
      likeness.add(numbers(tensor), numbers(twin));
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

  result(): Comparison {
    const outputs = [...this.outputs].map(([name, { sqnrDb, cosine }]) => ({ name, sqnrDb, cosine }));
    return {
      agreement: this.classified ? this.classes.agreement : null,
      kl: this.classified ? this.classes.kl : null,
      sqnrDb: outputs.length > 0 ? outputs[0].sqnrDb : Infinity,
      outputs,
    };
  }
}

/** SQNR and cosine of one tensor over all samples. */
export class Likeness {
  /** Of a^2, b^2, a b, (a - b)^2. */
  readonly sums = [0, 0, 0, 0];

  add(reference: ArrayLike<number | bigint>, other: ArrayLike<number | bigint>): void {
    let [ofA, ofB, product, difference] = this.sums;
    for (let i = 0; i < reference.length; i++) {
      const a = Number(reference[i]);
      const b = Number(other[i]);
      ofA += a * a;
      ofB += b * b;
      product += a * b;
      difference += (a - b) * (a - b);
    }
    this.sums.splice(0, 4, ofA, ofB, product, difference);
  }

  /** 10 log10(sum a^2 / sum (a - b)^2); Infinity where nothing differs. */
  get sqnrDb(): number {
    const [reference, , , difference] = this.sums;
    return difference === 0 ? Infinity : 10 * Math.log10(reference / difference);
  }

  get cosine(): number {
    const [reference, other, product, difference] = this.sums;
    return difference === 0 ? 1 : product / Math.sqrt(reference * other);
  }
}

/** Agreement of the arg max and KL divergence over rows of class scores. */
export class ClassLikeness {
  /** Rows, those with the same arg max, divergence in nats. */
  readonly sums = [0, 0, 0];

  /** @param probabilities does the first model give these already? null: told by the first rows, one alone could be chance */
  constructor(private probabilities: boolean | null = null) {}

  /** Both [rows, classes]; scores, or probabilities already. */
  add(reference: ArrayLike<number>, other: ArrayLike<number>, classes: number): void {
    this.divergences(reference, other, classes).forEach((kl, row) => {
      const from = row * classes;
      this.sums[2] += kl;
      if (argMax(reference, from, classes) === argMax(other, from, classes)) this.sums[1]++;
      this.sums[0]++;
    });
  }

  /** Of every row, nats; adds nothing up. */
  divergences(reference: ArrayLike<number>, other: ArrayLike<number>, classes: number): number[] {
    this.probabilities ??= areProbabilities(reference, classes);
    const logProbabilities = this.probabilities ? logsOf : logSoftmax;
    return Array.from({ length: Math.ceil(reference.length / classes) }, (_, row) => {
      const p = logProbabilities(reference, row * classes, classes);
      const q = logProbabilities(other, row * classes, classes);
      let kl = 0;
      for (let i = 0; i < classes; i++) if (p[i] > -Infinity) kl += Math.exp(p[i]) * (p[i] - q[i]);
      return Math.max(0, kl);
    });
  }

  get agreement(): number {
    return this.sums[1] / this.sums[0];
  }

  get kl(): number {
    return this.sums[2] / this.sums[0];
  }
}

/** Top-1 and top-5 over rows of class scores. */
export class Accuracy {
  /** Rows, right first answers, right answers among the first five. */
  readonly sums = [0, 0, 0];

  /** scores: [labels.length, classes]; ties count for the lower class, as arg max does. */
  add(scores: ArrayLike<number>, classes: number, labels: ArrayLike<number>): void {
    for (let row = 0; row < labels.length; row++) {
      const from = row * classes;
      const own = scores[from + labels[row]];
      let ahead = 0;
      for (let i = 0; i < classes; i++) {
        const score = scores[from + i];
        if (score > own || (score === own && i < labels[row]) || Number.isNaN(own)) ahead++;
      }
      if (ahead === 0) this.sums[1]++;
      if (ahead < 5) this.sums[2]++;
      this.sums[0]++;
    }
  }

  get top1(): number {
    return this.sums[1] / this.sums[0];
  }

  get top5(): number {
    return this.sums[2] / this.sums[0];
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

/** In place. */
export function add(sums: number[], more: readonly number[]): void {
  more.forEach((value, i) => (sums[i] += value));
}

function argMax(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i] > values[from + best]) best = i;
  return best;
}

export function areProbabilities(values: ArrayLike<number>, classes: number): boolean {
  for (let from = 0; from < values.length; from += classes) {
    let sum = 0;
    for (let i = 0; i < classes; i++) {
      if (!(values[from + i] >= 0)) return false;
      sum += values[from + i];
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

/** Of probabilities; quantized models round some to zero, and the divergence must stay finite. */
function logsOf(values: ArrayLike<number>, from: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.log(Math.max(values[from + i], 1e-12)));
}

function logSoftmax(values: ArrayLike<number>, from: number, count: number): Float64Array {
  const row = Float64Array.from({ length: count }, (_, i) => values[from + i]);
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = row.reduce((a, b) => a + Math.exp(b - largest), 0);
  return row.map((value) => value - largest - Math.log(total));
}

export interface ClassScores {
  data: ArrayLike<number>;
  classes: number;
}

/** Numbers of a float tensor. */
export function numbers(tensor: Feeds[string]): ArrayLike<number> {
  return tensor.type === 'float16'
    ? Float32Array.from(tensor.data, fromFloat16Bits)
    : (tensor.data as Float32Array);
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
