import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../../src/common/random';
import { isLower } from '../../../../src/core/allocation/paired';
import { bootstrap, drawn, needsMoreSamples } from '../../../../src/core/scoring/bootstrap';

describe('bootstrap', () => {
  it('has the Gram matrices of the features of the drawn samples', () => {
    const [n, p] = [5, 3];
    const next = mulberry32(3);
    const features = Array.from({ length: n }, () => Array.from({ length: p }, () => next()));
    const gram = (rows: number[][]): Float64Array =>
      Float64Array.from(rows.flatMap((a) => rows.map((b) => a.reduce((sum, x, k) => sum + x * b[k], 0))));
    const rows = Int32Array.of(4, 0, 0, 2, 4);
    expect(drawn(gram(features), 1, rows)).toEqual(gram([...rows].map((r) => features[r])));
  });

  it('counts how often each function gets the bits that all samples give it', () => {
    // The first function's bits never change; the second's do when the first sample was not drawn.
    const grams = Float64Array.from([...[1, 0, 0, 0, 0, 0, 0, 0, 0], ...[1, 0, 0, 0, 0, 0, 0, 0, 0]]);
    const { kept, draws } = bootstrap(grams, 2, 3, 2000, (g) => [
      8,
      [9, 13, 17].every((k) => g[k] === 0) ? 2 : 4,
    ]);
    expect(draws).toBe(2000);
    expect(kept[0]).toBe(1);
    expect(kept[1]).toBeCloseTo(1 - (2 / 3) ** 3, 1);
  });

  it('asks for more samples where much of the network is a matter of chance', () => {
    expect(needsMoreSamples({ draws: 10, kept: [1, 0.5] }, [90, 10])).toBe(false);
    expect(needsMoreSamples({ draws: 10, kept: [1, 0.5] }, [60, 40])).toBe(true);
  });
});

describe('isLower', () => {
  it('believes a gain that is larger than two standard errors', () => {
    expect(isLower([1, 2, 3, 4], [1.1, 2.1, 3.15, 4.1])).toBe(true);
    expect(isLower([1, 2, 3, 4], [1.1, 2, 3.1, 4])).toBe(false);
    expect(isLower([1, 2, 3, 4], [1, 2, 3, 4.4])).toBe(false);
    expect(isLower([1, 2, 3, 4], [1, 2, 3, 4])).toBe(false);
    expect(isLower([0.96], [1])).toBe(false);
    expect(isLower([0.9], [1])).toBe(true);
  });
});
