/** How close one model's outputs are to another's, added up block by block. */
import { isFloat } from '../calibration/tensorTypes';
import { fromFloat16Bits } from '../onnx/float16';
import { EngineFault } from './job';
import type { Comparison } from './protocol';
import type { Feeds } from './runtime';

/** All outputs of two models side by side. */
export class OutputLikeness {
  private readonly outputs = new Map<string, Likeness>();
  private readonly classes = new ClassLikeness();
  private classified = false;

  /** @param names of the two models, for messages */
  constructor(
    private readonly reference: string,
    private readonly other: string,
  ) {}

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
  private reference = 0;
  private other = 0;
  private product = 0;
  private difference = 0;

  add(reference: ArrayLike<number | bigint>, other: ArrayLike<number | bigint>): void {
    for (let i = 0; i < reference.length; i++) {
      const a = Number(reference[i]);
      const b = Number(other[i]);
      this.reference += a * a;
      this.other += b * b;
      this.product += a * b;
      this.difference += (a - b) * (a - b);
    }
  }

  /** 10 log10(sum a^2 / sum (a - b)^2); Infinity where nothing differs. */
  get sqnrDb(): number {
    return this.difference === 0 ? Infinity : 10 * Math.log10(this.reference / this.difference);
  }

  get cosine(): number {
    if (this.difference === 0) return 1;
    return this.product / Math.sqrt(this.reference * this.other);
  }
}

/** Agreement of the arg max and KL divergence over rows of class scores. */
export class ClassLikeness {
  private rows = 0;
  private same = 0;
  private divergence = 0;
  /** Does the first model give probabilities already? Told by the first rows: one alone could be chance. */
  private probabilities: boolean | null = null;

  /** Both [rows, classes]; scores, or probabilities already. */
  add(reference: ArrayLike<number>, other: ArrayLike<number>, classes: number): void {
    this.probabilities ??= areProbabilities(reference, classes);
    const logProbabilities = this.probabilities ? logsOf : logSoftmax;
    for (let from = 0; from < reference.length; from += classes) {
      const p = logProbabilities(reference, from, classes);
      const q = logProbabilities(other, from, classes);
      let kl = 0;
      for (let i = 0; i < classes; i++) if (p[i] > -Infinity) kl += Math.exp(p[i]) * (p[i] - q[i]);
      this.divergence += Math.max(0, kl);
      if (argMax(reference, from, classes) === argMax(other, from, classes)) this.same++;
      this.rows++;
    }
  }

  get agreement(): number {
    return this.same / this.rows;
  }

  get kl(): number {
    return this.divergence / this.rows;
  }
}

/** Top-1 and top-5 over rows of class scores. */
export class Accuracy {
  private rows = 0;
  private first = 0;
  private firstFive = 0;

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
      if (ahead === 0) this.first++;
      if (ahead < 5) this.firstFive++;
      this.rows++;
    }
  }

  get top1(): number {
    return this.first / this.rows;
  }

  get top5(): number {
    return this.firstFive / this.rows;
  }
}

function argMax(values: ArrayLike<number>, from: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[from + i] > values[from + best]) best = i;
  return best;
}

function areProbabilities(values: ArrayLike<number>, classes: number): boolean {
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
