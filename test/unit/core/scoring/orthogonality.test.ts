import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gramToOrm } from '../../../../src/core/scoring/orthogonality';

/** An N x p matrix, row-major. */
interface Features {
  n: number;
  p: number;
  data: number[];
}

const features = (n: number): fc.Arbitrary<Features> =>
  fc.integer({ min: 1, max: 7 }).chain((p) =>
    fc
      .array(
        fc.integer({ min: -9999, max: 9999 }).map((v) => v / 1000),
        { minLength: n * p, maxLength: n * p },
      )
      .map((data) => ({ n, p, data })),
  );

const network = fc
  .integer({ min: 2, max: 8 })
  .chain((n) => fc.array(features(n), { minLength: 1, maxLength: 5 }).map((all) => ({ n, all })));

function gramsOf(all: Features[]): Float64Array {
  return Float64Array.from(
    all.flatMap(({ n, p, data }) =>
      Array.from({ length: n * n }, (_, k) => {
        const [r, c] = [Math.floor(k / n), k % n];
        let sum = 0;
        for (let q = 0; q < p; q++) sum += data[r * p + q] * data[c * p + q];
        return sum;
      }),
    ),
  );
}

function centerColumns({ n, p, data }: Features): Features {
  const mean = Array.from({ length: p }, (_, q) => {
    let sum = 0;
    for (let r = 0; r < n; r++) sum += data[r * p + q];
    return sum / n;
  });
  return { n, p, data: data.map((value, k) => value - mean[k % p]) };
}

/** ||B^T A||_F^2, with the p x p matrix really formed: the definition, without the Gram identity. */
function crossNorm(a: Features, b: Features): number {
  let total = 0;
  for (let q = 0; q < b.p; q++) {
    for (let s = 0; s < a.p; s++) {
      let sum = 0;
      for (let r = 0; r < a.n; r++) sum += b.data[r * b.p + q] * a.data[r * a.p + s];
      total += sum * sum;
    }
  }
  return total;
}

const energy = ({ data }: Features): number => data.reduce((sum, value) => sum + value * value, 0);

function compare(n: number, all: Features[], centered: boolean): void {
  const orm = gramToOrm(gramsOf(all), all.length, n, { centered });
  const used = centered ? all.map(centerColumns) : all;
  for (let i = 0; i < all.length; i++) {
    for (let j = 0; j < all.length; j++) {
      const value = orm[i * all.length + j];
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1);
      expect(value).toBe(orm[j * all.length + i]);
      if (i === j) expect(value).toBe(1);
      // Next to nothing left after centring: the reference itself is rounding noise there.
      if ([i, j].some((k) => energy(used[k]) <= 1e-4 * energy(all[k]))) continue;
      const reference =
        crossNorm(used[i], used[j]) / Math.sqrt(crossNorm(used[i], used[i]) * crossNorm(used[j], used[j]));
      if (Number.isFinite(reference)) expect(Math.abs(value - reference)).toBeLessThan(1e-8);
    }
  }
}

describe('gramToOrm', () => {
  it('is linear CKA of the features when centred', () => {
    fc.assert(fc.property(network, ({ n, all }) => compare(n, all, true)));
  });

  it("is the paper's formula when not centred", () => {
    fc.assert(fc.property(network, ({ n, all }) => compare(n, all, false)));
  });

  it('does not depend on the scale of a function, however large or small', () => {
    fc.assert(
      fc.property(network, fc.constantFrom(1e-150, 1e-30, 1e30, 1e150), ({ n, all }, factor) => {
        const grams = gramsOf(
          all.map((f) => ({ ...f, data: f.data.map(Math.fround).map((v) => Math.round(v * 8)) })),
        );
        const scaled = grams.map((value, k) => (k < n * n ? value * factor : value));
        const [a, b] = [grams, scaled].map((g) => gramToOrm(g, all.length, n, { centered: true }));
        a.forEach((value, k) => expect(b[k]).toBeCloseTo(value, 9));
      }),
    );
  });

  it('gives 0 for orthogonal functions and 1 for the same function', () => {
    const features = [
      { n: 2, p: 1, data: [1, 0] },
      { n: 2, p: 1, data: [0, 1] },
      { n: 2, p: 2, data: [2, 0, 0, 0] },
    ];
    expect([...gramToOrm(gramsOf(features), 3, 2, { centered: false })]).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('takes a constant output as determined by every other function', () => {
    const varied = { n: 3, p: 2, data: [1, 2, 3, 5, 8, 13] };
    const constant = { n: 3, p: 1, data: [7, 7, 7] };
    const other = { n: 3, p: 1, data: [1, -1, 4] };
    const orm = gramToOrm(gramsOf([varied, constant, other]), 3, 3, { centered: true });
    expect([orm[1], orm[3], orm[4], orm[5], orm[7]]).toEqual([1, 1, 1, 1, 1]);
    expect(orm[2]).toBeLessThan(0.99);
    const zeros = gramToOrm(new Float64Array(2 * 9), 2, 3, { centered: false });
    expect([...zeros]).toEqual([1, 1, 1, 1]);
    // float32 rounding of a constant output's Gram matrix is still a constant output
    const noisy = gramsOf([varied, constant]).map((v, k) => (k >= 9 ? v * (1 + ((k * 7919) % 5) * 6e-8) : v));
    expect([...gramToOrm(noisy, 2, 3, { centered: true })]).toEqual([1, 1, 1, 1]);
  });

  it('leaves its input alone and refuses what is no set of Gram matrices', () => {
    const grams = gramsOf([{ n: 2, p: 1, data: [1, 3] }]);
    gramToOrm(grams, 1, 2, { centered: true });
    expect([...grams]).toEqual([1, 3, 3, 9]);
    expect(() => gramToOrm(grams, 2, 2, { centered: true })).toThrow(
      '2 Gram matrices of 2 x 2 are 8 numbers, not 4',
    );
    expect(() => gramToOrm(grams, 0, 2, { centered: true })).toThrow('no functions');
    expect(() => gramToOrm(grams, 4, 1, { centered: true })).toThrow('at least two');
    expect(() => gramToOrm(Float64Array.of(1, 0, NaN, 1), 1, 2, { centered: true })).toThrow(
      'The Gram matrix of function 0 holds NaN',
    );
  });
});
