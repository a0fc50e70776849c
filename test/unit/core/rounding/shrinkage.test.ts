import { describe, expect, it } from 'vitest';
import { chanceShare, shrinkMoments, shrinkResponses } from '../../../../src/core/rounding/shrinkage';
import { Random } from '../../../support/models/random';

/** Sums of samples with unit variances, of which neighbouring columns go together, around a mean that is not 0. */
function sums(samples: number, columns: number, random: Random) {
  const moments = new Float64Array(columns * columns);
  const total = new Float64Array(columns);
  for (let s = 0; s < samples; s++) {
    const u = new Float64Array(columns);
    let state = random.normal();
    for (let k = 0; k < columns; k++) {
      if (k > 0) state = 0.6 * state + 0.8 * random.normal();
      u[k] = state + 3;
    }
    for (let i = 0; i < columns; i++) {
      total[i] += u[i];
      for (let j = 0; j < columns; j++) moments[i * columns + j] += u[i] * u[j];
    }
  }
  return { moments, sums: total, count: samples };
}

function together(columns: number, samples: number, seed: number) {
  const random = new Random(seed);
  const halves = [sums(samples / 2, columns, random), sums(samples / 2, columns, random)] as const;
  const moments = halves[0].moments.map((value, i) => (value + halves[1].moments[i]) / samples);
  const means = halves[0].sums.map((value, i) => (value + halves[1].sums[i]) / samples);
  return { halves, moments, means, share: chanceShare(...halves, columns) };
}

describe('the share of chance', () => {
  const pair = (covariance: number, mean = 0) => ({
    moments: Float64Array.of(1 + mean ** 2, 0, covariance + mean ** 2, 1 + mean ** 2).map((v) => 10 * v),
    sums: Float64Array.of(10 * mean, 10 * mean),
    count: 10,
  });

  it.each([
    // ((0.6 - 0.2) / (0.6 + 0.2))^2
    [0.6, 0.2, 0.25],
    [0.5, 0.5, 0],
    [0.5, -0.5, 1],
    [0, 0, 0],
  ])('of covariances %f and %f in two halves is %f, whatever their means', (a, b, share) => {
    expect(chanceShare(pair(a), pair(b), 2)).toBeCloseTo(share, 12);
    expect(chanceShare(pair(a, 7), pair(b, -2), 2)).toBeCloseTo(share, 9);
  });

  it('is none where there is one half, or nothing varies', () => {
    expect(chanceShare(pair(0.5), { ...pair(0.1), count: 0 }, 2)).toBe(0);
    const still = { moments: Float64Array.of(4, 4, 4, 4), sums: Float64Array.of(2, 2), count: 1 };
    expect(chanceShare(still, still, 2)).toBe(0);
  });

  it('falls with the number of samples', () => {
    const shares = [16, 64, 1024].map((samples) => together(24, samples, 3).share);
    expect(shares[0]).toBeGreaterThan(0.35);
    expect(shares[1]).toBeLessThan(shares[0]);
    expect(shares[2]).toBeLessThan(0.05);
  });
});

describe('shrunk moments', () => {
  it.each([
    [24, 16],
    [24, 48],
    [60, 32],
  ])('of %i columns are nearer to the truth than those of %i samples', (columns, samples) => {
    let [before, after] = [0, 0];
    for (let seed = 1; seed <= 20; seed++) {
      const { moments, means, share } = together(columns, samples, seed);
      // The mean's own error is not the point here.
      means.forEach((mean, i) => means.forEach((other, j) => (moments[i * columns + j] += 9 - mean * other)));
      means.fill(3);
      const error = () =>
        moments.reduce((sum, value, at) => {
          const [i, j] = [Math.floor(at / columns), at % columns];
          return sum + (value - 9 - 0.6 ** Math.abs(i - j)) ** 2 * Number(i !== j);
        }, 0);
      before += error();
      shrinkMoments(moments, means, share);
      after += error();
    }
    expect(after).toBeLessThan(0.8 * before);
  });

  it('leave the target where the float network sees the same inputs', () => {
    const [columns, rows] = [6, 3];
    const random = new Random(9);
    const { moments, means } = together(columns, 20, 9);
    const weights = Float64Array.from({ length: rows * columns }, () => random.normal());
    const times = (h: Float64Array) =>
      weights.map((_, at) => {
        const [r, k] = [Math.floor(at / columns), at % columns];
        let sum = 0;
        for (let j = 0; j < columns; j++) sum += weights[r * columns + j] * h[j * columns + k];
        return sum;
      });
    const responses = times(moments);
    const outputs = Float64Array.from({ length: rows }, (_, r) =>
      means.reduce((sum, mean, k) => sum + mean * weights[r * columns + k], 0),
    );
    const products = means.map((_, k) => moments[k * columns + k]);
    shrinkResponses(responses, weights, { means, floatMeans: means, products, outputs }, 0.4);
    shrinkMoments(moments, means, 0.4);
    times(moments).forEach((value, at) => expect(responses[at]).toBeCloseTo(value, 10));
  });
});
