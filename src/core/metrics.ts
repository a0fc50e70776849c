/** How close two outputs are, and how often an answer is right: plain sums that can be added up over blocks and shards. */

/** Quantized models round some probabilities to zero, and the divergence must stay finite. */
const LEAST = 1e-12;

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

/** What scores of classes are. independent: one probability each, whatever the others are. */
export type ScoreForm = 'scores' | 'probabilities' | 'independent';

/** Agreement of the answer and KL divergence over rows of class scores. */
export class ClassLikeness {
  /** Rows, those with the same answer (arg max; of independent ones the side of 0.5), divergence in nats. */
  readonly sums = [0, 0, 0];

  constructor(private readonly form: ScoreForm) {}

  /** Both [rows, classes]; independent probabilities are rows of one. */
  add(reference: ArrayLike<number>, other: ArrayLike<number>, classes: number): void {
    const isSame =
      this.form === 'independent'
        ? (at: number) => reference[at] > 0.5 === other[at] > 0.5
        : (at: number) => argMax(reference, at, classes) === argMax(other, at, classes);
    this.divergences(reference, other, classes).forEach((kl, row) => {
      this.sums[2] += kl;
      if (isSame(row * classes)) this.sums[1]++;
      this.sums[0]++;
    });
  }

  /** Of every row, nats; adds nothing up. */
  divergences(reference: ArrayLike<number>, other: ArrayLike<number>, classes: number): number[] {
    if (this.form === 'independent') return Array.from(reference, (p, i) => ofTwo(p, other[i]));
    const logProbabilities = this.form === 'probabilities' ? logsOf : logSoftmax;
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

/** Divergence between two probabilities of one event. */
function ofTwo(p: number, q: number): number {
  const part = (a: number, b: number): number => (a > 0 ? a * Math.log(a / Math.max(b, LEAST)) : 0);
  return Math.max(0, part(p, q) + part(1 - p, 1 - q));
}

/** Share of equal values: whole numbers, booleans, strings. */
export class EqualShare {
  /** Values, equal ones. */
  readonly sums = [0, 0];

  /** Values that only one of the two has count as different. */
  add(reference: ArrayLike<unknown>, other: ArrayLike<unknown>): void {
    const count = Math.max(reference.length, other.length);
    for (let i = 0; i < count; i++) if (reference[i] === other[i]) this.sums[1]++;
    this.sums[0] += count;
  }

  /** 1 where there is nothing to differ. */
  get share(): number {
    return this.sums[0] === 0 ? 1 : this.sums[1] / this.sums[0];
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

/** In place. */
export function add(sums: number[], more: readonly number[]): void {
  more.forEach((value, i) => (sums[i] += value));
}

export function argMax(values: ArrayLike<number>, from: number, count: number): number {
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

/** Of probabilities. */
export function logsOf(values: ArrayLike<number>, from: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.log(Math.max(values[from + i], LEAST)));
}

export function logSoftmax(values: ArrayLike<number>, from: number, count: number): Float64Array {
  const row = Float64Array.from({ length: count }, (_, i) => values[from + i]);
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = row.reduce((a, b) => a + Math.exp(b - largest), 0);
  return row.map((value) => value - largest - Math.log(total));
}

/** Where the reference is zero throughout there is no power to relate to: any noise is as much as there could be. */
export function relativeNoise(noise: number, power: number): number {
  return noise === 0 ? 0 : power > 0 ? noise / power : 1;
}

/**
 * 0 of none.
 * @param counts how often each value counts; default: once
 */
export function mean(values: ArrayLike<number>, counts?: ArrayLike<number>): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const count = counts ? counts[i] : 1;
    sum += count * values[i];
    total += count;
  }
  return total === 0 ? 0 : sum / total;
}
