/** How close two outputs are, and how often an answer is right: plain sums that can be added up over blocks and shards. */

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

/** Of probabilities; quantized models round some to zero, and the divergence must stay finite. */
export function logsOf(values: ArrayLike<number>, from: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.log(Math.max(values[from + i], 1e-12)));
}

export function logSoftmax(values: ArrayLike<number>, from: number, count: number): Float64Array {
  const row = Float64Array.from({ length: count }, (_, i) => values[from + i]);
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = row.reduce((a, b) => a + Math.exp(b - largest), 0);
  return row.map((value) => value - largest - Math.log(total));
}

/** What a block of samples adds to the likeness of two models: plain sums, so that parts of a job can be put together. */
export interface LikenessSums {
  /** Per output, as in Likeness. */
  outputs: [name: string, sums: number[]][];
  /** As in ClassLikeness; null where nothing looked like scores of classes. */
  classes: number[] | null;
}

export interface Comparison {
  /** Share of samples with the same arg max; null where no output looks like scores of classes. */
  agreement: number | null;
  /** Mean KL divergence of the soft-maxed scores from the first model's, in nats. */
  kl: number | null;
  /** Of the first output; Infinity where nothing differs. */
  sqnrDb: number;
  outputs: { name: string; sqnrDb: number; cosine: number }[];
}

/** The likeness of all outputs of two models, as sums over blocks of samples. */
export class OutputSums {
  protected readonly outputs = new Map<string, Likeness>();
  protected readonly classes: ClassLikeness;
  protected classified = false;

  /** @param probabilities as in ClassLikeness */
  constructor(probabilities: boolean | null = null) {
    this.classes = new ClassLikeness(probabilities);
  }

  get sums(): LikenessSums {
    return {
      outputs: [...this.outputs].map(([name, { sums }]) => [name, [...sums]]),
      classes: this.classified ? [...this.classes.sums] : null,
    };
  }

  plus({ outputs, classes }: LikenessSums): void {
    for (const [name, sums] of outputs) add(this.output(name).sums, sums);
    if (classes === null) return;
    this.classified = true;
    add(this.classes.sums, classes);
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

  protected output(name: string): Likeness {
    let likeness = this.outputs.get(name);
    if (!likeness) this.outputs.set(name, (likeness = new Likeness()));
    return likeness;
  }
}
