import { describe, expect, it } from 'vitest';
import { ActivationHistogram, gridOf, type Range } from '../../../../src/core/rounding/activationRange';
import { Random } from '../../../support/models/random';

/** Mean squared error of the values on the grid of a range. */
function errorOf(values: Float32Array, range: Range, bits: number): number {
  const { scale, zeroPoint } = gridOf(range, bits);
  let sum = 0;
  for (const value of values) {
    const code = Math.min(2 ** bits - 1, Math.max(0, Math.round(value / scale) + zeroPoint));
    sum += (value - scale * (code - zeroPoint)) ** 2;
  }
  return sum / values.length;
}

function counted(values: Float32Array): ActivationHistogram {
  const ends = { low: 0, high: 0 };
  for (const value of values) {
    ends.low = Math.min(ends.low, value);
    ends.high = Math.max(ends.high, value);
  }
  const histogram = new ActivationHistogram(ends);
  for (let from = 0; from < values.length; from += 1000) histogram.add(values.subarray(from, from + 1000));
  return histogram;
}

const normal = new Random(1).normals(20_000, 1);
const rectified = normal.map((value) => Math.max(0, value));

describe('ranges of activations', () => {
  it.each([
    [4, normal],
    [4, rectified],
    [6, rectified],
  ])('by mean square error come near the best range there is, at %i bits', (bits, values) => {
    const histogram = counted(values);
    const { low, high } = histogram.ends;
    let least = Infinity;
    for (let shrink = 0.2; shrink <= 1; shrink += 0.01) {
      least = Math.min(least, errorOf(values, { low: low * shrink, high: high * shrink }, bits));
    }
    const found = errorOf(values, histogram.range('mse', 2 ** bits - 1), bits);
    expect(found).toBeLessThan(1.1 * least);
    expect(found).toBeLessThan(errorOf(values, histogram.range('minmax', 2 ** bits - 1), bits));
  });

  it('by percentile leave a lone outlier out, and keep everything else', () => {
    const values = new Float32Array(200_001).map((_, i) => (i % 1000) / 1000);
    values[7] = 100;
    const { low, high } = counted(values).range('percentile', 255);
    expect(low).toBe(0);
    expect(high).toBeGreaterThanOrEqual(0.999);
    expect(high).toBeLessThan(1.1);
  });

  it('hold zero exactly, whatever the ends', () => {
    for (const [low, high] of [
      [0, 6],
      [-3.7, 5.1],
      [-8, 0],
      [-1e-3, 1e3],
    ]) {
      for (const bits of [4, 5, 6, 7, 8]) {
        const { scale, zeroPoint } = gridOf({ low, high }, bits);
        expect(Number.isInteger(zeroPoint)).toBe(true);
        expect(zeroPoint).toBeGreaterThanOrEqual(0);
        expect(zeroPoint).toBeLessThan(2 ** bits);
        expect(Math.fround(scale)).toBe(scale);
        expect(scale * (2 ** bits - 1)).toBeCloseTo(high - low, 3);
        // What a Clip cut off does not come back.
        if (low === 0) expect(Math.fround(scale * (2 ** bits - 1))).toBeLessThanOrEqual(high);
      }
    }
  });

  it('of nothing but zeros, and of numbers too small to divide by, give a grid that works', () => {
    const histogram = counted(new Float32Array(100));
    for (const method of ['minmax', 'percentile', 'mse'] as const) {
      expect(gridOf(histogram.range(method, 255), 8)).toEqual({ scale: 1, zeroPoint: 0 });
    }
    expect(gridOf({ low: 0, high: 1e-40 }, 8)).toEqual({ scale: 1, zeroPoint: 0 });
  });
});
