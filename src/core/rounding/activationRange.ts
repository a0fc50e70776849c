/** From the values that an activation takes to the range that its integer grid covers. */

export type RangeMethod = 'minmax' | 'percentile' | 'mse';

/** low <= 0 <= high: zero must be on the grid, for padding and Relu put out exact zeros. */
export interface Range {
  low: number;
  high: number;
}

/** Share of the values that a percentile range leaves out at either end. */
const LEFT_OUT = 1e-5;
const BINS = 2048;
/** Ranges tried by 'mse': both ends at these multiples of the largest values. */
const SHRINKS = Array.from({ length: 40 }, (_, i) => 1 - i / 50);

/** Counts of an activation's values between fixed ends; zeros, which lose nothing, are counted apart. */
export class ActivationHistogram {
  private readonly counts = new Float64Array(BINS);
  private readonly width: number;
  private zeros = 0;
  private total = 0;

  constructor(readonly ends: Range) {
    this.width = (ends.high - ends.low) / BINS;
  }

  add(values: ArrayLike<number>): void {
    const { counts } = this;
    const { low } = this.ends;
    const perUnit = this.width > 0 ? 1 / this.width : 0;
    let zeros = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value === 0) {
        zeros++;
        continue;
      }
      const bin = Math.floor((value - low) * perUnit);
      counts[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
    }
    this.zeros += zeros;
    this.total += values.length;
  }

  /** @param steps of the grid between its ends: 2^bits - 1 */
  range(method: RangeMethod, steps: number): Range {
    switch (method) {
      case 'minmax':
        return this.ends;
      case 'percentile':
        return this.percentile();
      case 'mse':
        return this.leastError(steps);
    }
  }

  private percentile(): Range {
    const { low, high } = this.ends;
    const allowed = LEFT_OUT * this.total;
    let first = 0;
    for (let sum = 0; first < BINS && (sum += this.counts[first]) <= allowed;) first++;
    let last = BINS - 1;
    for (let sum = 0; last >= 0 && (sum += this.counts[last]) <= allowed;) last--;
    return {
      low: Math.min(0, Math.max(low, low + first * this.width)),
      high: Math.max(0, Math.min(high, low + (last + 1) * this.width)),
    };
  }

  /** The ends are searched one after the other: where one of them is zero, the second search is the whole one. */
  private leastError(steps: number): Range {
    let best = this.ends;
    let least = this.squaredError(best, steps);
    for (const pair of [
      (s: number) => ({ low: this.ends.low * s, high: this.ends.high * s }),
      (s: number) => ({ low: best.low, high: this.ends.high * s }),
      (s: number) => ({ low: this.ends.low * s, high: best.high }),
    ]) {
      for (const candidate of SHRINKS.map(pair)) {
        const error = this.squaredError(candidate, steps);
        if (error < least) [least, best] = [error, candidate];
      }
    }
    return best;
  }

  private squaredError({ low, high }: Range, steps: number): number {
    const inside = ((high - low) / steps) ** 2 / 12;
    let sum = 0;
    for (let bin = 0; bin < BINS; bin++) {
      if (this.counts[bin] === 0) continue;
      const value = this.ends.low + (bin + 0.5) * this.width;
      const beyond = value > high ? value - high : value < low ? low - value : 0;
      sum += this.counts[bin] * (beyond > 0 ? beyond * beyond : inside);
    }
    return sum;
  }
}

/** The grid that covers a range: x = scale * (q - zeroPoint), q in 0 ... 2^bits - 1. */
export function gridOf({ low, high }: Range, bits: number): { scale: number; zeroPoint: number } {
  const steps = 2 ** bits - 1;
  let scale = Math.fround((high - low) / steps);
  // Only zeros were seen, or numbers too small to divide by.
  if (!(scale >= MIN_SCALE)) return { scale: 1, zeroPoint: 0 };
  // The grid ends within the range: what a Clip cut off must not come back.
  if (low === 0) while (Math.fround(steps * scale) > high) scale = Math.fround(scale * (1 - 2 ** -23));
  return { scale, zeroPoint: Math.min(steps, Math.max(0, Math.round(-low / scale))) };
}

const MIN_SCALE = 2 ** -100;
