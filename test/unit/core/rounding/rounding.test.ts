import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inverseCholesky } from '../../../../src/core/rounding/cholesky';
import { coordinateDescent } from '../../../../src/core/rounding/descent';
import { gptq } from '../../../../src/core/rounding/gptq';
import { plainMatMul } from '../../../../src/core/rounding/matmul';
import { groupedDescent } from '../../../../src/core/rounding/groupedDescent';
import { codeRange, type RowsProblem } from '../../../../src/core/rounding/problem';
import { outputError } from '../../../support/outputError';
import { roundRows } from '../../../../src/core/rounding/rows';
import { BOTH_SIGNS, searchScales } from '../../../../src/core/rounding/scales';
import { Random } from '../../../support/models/random';
import { descentReference, gptqReference, invert, multiply, toRows } from './reference';

const tools = { roundScale: Math.fround };

/** Correlated inputs: smoothed noise with an offset, as after a ReLU. */
function inputs(samples: number, columns: number, random: Random): Float64Array {
  const u = new Float64Array(samples * columns);
  for (let s = 0; s < samples; s++) {
    let state = random.normal();
    for (let k = 0; k < columns; k++) {
      state = 0.8 * state + 0.6 * random.normal();
      u[s * columns + k] = Math.max(0, state + 0.3) * (1 + (k % 5));
    }
  }
  return u;
}

/** A^T B / n for [n, columns] matrices. */
function products(a: Float64Array, b: Float64Array, columns: number): Float64Array {
  const n = a.length / columns;
  const h = new Float64Array(columns * columns);
  for (let s = 0; s < n; s++) {
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) h[i * columns + j] += (a[s * columns + i] * b[s * columns + j]) / n;
    }
  }
  return h;
}

function problem(
  seed: number,
  rows: number,
  columns: number,
  bits: number,
): RowsProblem & { moments: Float64Array } {
  const random = new Random(seed);
  const weights = Float64Array.from({ length: rows * columns }, () => 0.1 * random.normal());
  const u = inputs(3 * columns + 20, columns, random);
  return { weights, rows, columns, bits, moments: products(u, u, columns) };
}

function damped(h: Float64Array, n: number, fraction: number): Float64Array {
  let mean = 0;
  for (let i = 0; i < n; i++) mean += h[i * n + i] / n;
  return h.map((value, i) => (i % (n + 1) === 0 ? value + fraction * mean : value));
}

describe('inverse Cholesky factor', () => {
  it.each([1, 5, 96, 97, 250])('inverts a matrix of %i columns', async (n) => {
    const random = new Random(n);
    const u = inputs(2 * n + 5, n, random);
    const h = damped(products(u, u, n), n, 0.01);
    const factor = await inverseCholesky(h, n, plainMatMul);
    let above = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) above += Math.abs(factor[i * n + j]);
    expect(above).toBe(0);
    // L^-1 A L^-T = I
    const transposed = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) transposed[j * n + i] = factor[i * n + j];
    const identity = plainMatMul(plainMatMul(factor, h, n, n, n), transposed, n, n, n);
    const worst = identity.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - Number(i % (n + 1) === 0))),
      0,
    );
    expect(worst).toBeLessThan(1e-9);
  });

  it('refuses a matrix that is not positive definite', async () => {
    await expect(inverseCholesky(Float64Array.of(1, 2, 2, 1), 2, plainMatMul)).rejects.toThrow(RangeError);
  });
});

describe('scales', () => {
  it('minimise the weighted square error over the thirty multiples', () => {
    const random = new Random(1);
    const weights = Float64Array.from({ length: 40 }, () => random.normal());
    const importance = Float64Array.from({ length: 20 }, () => random.uniform());
    for (const bits of [2, 3, 5, 8]) {
      const [low, high] = codeRange(bits);
      const found = searchScales(weights, 2, 20, bits, importance, (s) => s);
      for (const r of [0, 1]) {
        const row = weights.slice(r * 20, r * 20 + 20);
        const errors = Array.from({ length: 30 }, (_, i) => {
          const s = ((0.25 + (0.8 * i) / 29) * Math.max(...row.map(Math.abs))) / high;
          const error = row.reduce((sum, w, k) => {
            const q = Math.max(low, Math.min(high, Math.round(w / s))) * s;
            return sum + importance[k] * (q - w) ** 2;
          }, 0);
          return { s, error };
        });
        const best = errors.reduce((a, b) => (b.error < a.error ? b : a));
        expect(found[r]).toBeCloseTo(best.s, 12);
      }
    }
  });

  it('take the sign that has a code for the larger side, where either is allowed', () => {
    // At 2 bits: two steps below zero, one above.
    const rows = Float64Array.from([2, 1, 1, 0, -2, -1, -1, 0]);
    expect([...searchScales(rows, 2, 4, 2, null, Math.fround, 4, BOTH_SIGNS)].map(Math.sign)).toEqual([
      -1, 1,
    ]);
    expect([...searchScales(rows, 2, 4, 2, null, Math.fround)].map(Math.sign)).toEqual([1, 1]);
  });

  it('are 1 for rows of zeros', () => {
    expect([...searchScales(new Float64Array(6), 2, 3, 4, null, Math.fround)]).toEqual([1, 1]);
  });
});

describe('GPTQ', () => {
  it.each([
    [7, 2],
    [70, 3],
    [90, 4],
  ])('equals the elimination of one column after the other: %i columns, %i bits', async (columns, bits) => {
    const { weights, rows, moments } = problem(columns, 5, columns, bits);
    const h = damped(moments, columns, 0.01);
    const factor = await inverseCholesky(h, columns, plainMatMul);
    const scales = searchScales(weights, rows, columns, bits, null, Math.fround);
    const codes = await gptq(weights, rows, columns, bits, scales, factor, plainMatMul);
    const order = Array.from({ length: columns }, (_, i) => columns - 1 - i);
    const expected = gptqReference(
      toRows(weights, rows, columns),
      toRows(h, columns, columns),
      scales,
      bits,
      order,
    );
    expect(codes).toEqual(Int8Array.from(expected.flat()));
  });
});

describe('coordinate descent', () => {
  it.each([
    [6, 2],
    [64, 3],
    [150, 4],
  ])('equals the plain loops: %i columns, %i bits', async (columns, bits) => {
    const { weights, rows, moments } = problem(columns + 1, 4, columns, bits);
    const h = damped(moments, columns, 0.005);
    const scales = searchScales(weights, rows, columns, bits, null, Math.fround);
    const { codes } = await roundRows({ weights, rows, columns, bits }, 'nearest', tools);
    const expectedCodes = toRows(codes, rows, columns).map((row) => [...row]);
    const expectedScales = [...scales];
    for (let sweep = 0; sweep < 2; sweep++) {
      descentReference(
        toRows(weights, rows, columns),
        toRows(h, columns, columns),
        expectedCodes,
        expectedScales,
        bits,
        Math.fround,
      );
    }
    await coordinateDescent(weights, rows, columns, bits, codes, scales, h, 2, Math.fround, plainMatMul);
    expect(codes).toEqual(Int8Array.from(expectedCodes.flat()));
    expect([...scales]).toEqual(expectedScales);
  });
});

describe('a sweep', () => {
  it('never loses more output than the codes it started from', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const at = problem(seed, 6, 20 + 7 * seed, 2 + (seed % 5));
      const { weights, rows, columns, bits } = at;
      const h = damped(at.moments, columns, 0.005);
      const scales = searchScales(weights, rows, columns, bits, null, Math.fround);
      const codes = await gptq(
        weights,
        rows,
        columns,
        bits,
        scales,
        await inverseCholesky(h, columns, plainMatMul),
        plainMatMul,
      );
      const error = () =>
        outputError(weights, { codes, scales: Float32Array.from(scales) }, h, rows, columns);
      let before = error();
      for (let sweep = 0; sweep < 4; sweep++) {
        await coordinateDescent(weights, rows, columns, bits, codes, scales, h, 1, Math.fround, plainMatMul);
        const after = error();
        expect(after).toBeLessThanOrEqual(before * (1 + 1e-6));
        before = after;
      }
    }
  });
});

const identity = (n: number): Float64Array =>
  Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

describe('roundRows', () => {
  it.each(['nearest', 'gptq', 'reconstruct'] as const)(
    'loses less with scales of either sign, and keeps to positive ones where they must be: %s',
    async (method) => {
      let [free, positive] = [0, 0];
      for (let seed = 0; seed < 8; seed++) {
        const at = problem(seed, 12, 60, 2 + (seed % 3));
        // What rounding to nearest looks at is the weights themselves.
        const moments = method === 'nearest' ? identity(at.columns) : at.moments;
        const lost = async (own: RowsProblem) => {
          const found = await roundRows(own, method, tools);
          const error = outputError(at.weights, found, moments, at.rows, at.columns);
          return { error, isPositive: found.scales.every((scale) => scale > 0) };
        };
        const [either, one] = [await lost(at), await lost({ ...at, positive: true })];
        expect([either.isPositive, one.isPositive]).toEqual([false, true]);
        free += either.error;
        positive += one.error;
      }
      expect(free).toBeLessThan(positive);
    },
  );

  it('loses less output with each method, at every width', async () => {
    let logRatio = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 24, max: 90 }),
        async (seed, bits, columns) => {
          const at = problem(seed, 8, columns, bits);
          const error = async (method: 'nearest' | 'gptq' | 'reconstruct') => {
            const rounded = await roundRows(at, method, tools);
            const [low, high] = codeRange(bits);
            expect(rounded.codes.every((code) => code >= low && code <= high)).toBe(true);
            expect(rounded.scales.every((scale) => Math.fround(scale) === scale && scale !== 0)).toBe(true);
            return outputError(at.weights, rounded, at.moments, at.rows, columns);
          };
          const [nearest, gptqError, reconstruct] = [
            await error('nearest'),
            await error('gptq'),
            await error('reconstruct'),
          ];
          expect(gptqError).toBeLessThan(nearest);
          expect(reconstruct).toBeLessThan(nearest);
          // Scales differ between the two, so a single case can go the other way.
          logRatio += Math.log(reconstruct / gptqError);
        },
      ),
      { numRuns: 25, seed: 7 },
    );
    expect(logRatio / 25).toBeLessThan(-0.03);
  });

  it('loses less with a scale per group of inputs, by every method', async () => {
    for (const method of ['nearest', 'gptq', 'reconstruct'] as const) {
      let logRatio = 0;
      for (let seed = 0; seed < 8; seed++) {
        const at = problem(seed, 8, 96, 2 + (seed % 3));
        // Groups of inputs whose weights differ in size, as channels of transformers do.
        const weights = at.weights.map((w, i) => w * 2 ** ((Math.floor((i % 96) / 32) + seed) % 3));
        const error = async (group: number) => {
          const rounded = await roundRows({ ...at, weights, group }, method, tools);
          const [low, high] = codeRange(at.bits);
          expect(rounded.codes.every((code) => code >= low && code <= high)).toBe(true);
          expect(rounded.scales.length).toBe((8 * 96) / group);
          expect(rounded.scales.every((scale) => Math.fround(scale) === scale && scale !== 0)).toBe(true);
          // The error of the codes times their scales: as rows of one scale each.
          const values = Float64Array.from(
            rounded.codes,
            (c, i) => c * rounded.scales[Math.floor(i / group)],
          );
          const apart = values.map((value, i) => value - weights[i]);
          let sum = 0;
          for (let r = 0; r < 8; r++) {
            for (let i = 0; i < 96; i++) {
              for (let j = 0; j < 96; j++)
                sum += apart[r * 96 + i] * at.moments[i * 96 + j] * apart[r * 96 + j];
            }
          }
          return sum;
        };
        const [whole, grouped] = [await error(96), await error(32)];
        logRatio += Math.log(grouped / whole);
      }
      expect(logRatio / 8).toBeLessThan(-0.1);
    }
  });

  it('improves grouped codes and scales with every sweep', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const at = problem(seed, 6, 64, 2 + (seed % 3));
      const { weights, rows, columns, bits } = at;
      const h = damped(at.moments, columns, 0.005);
      const group = 16;
      const scales = searchScales(weights, rows, columns, bits, null, Math.fround, group);
      const [low, high] = codeRange(bits);
      const codes = Int8Array.from(weights, (w, i) =>
        Math.max(low, Math.min(high, Math.round(w / scales[Math.floor(i / group)]))),
      );
      const error = () => {
        const apart = Float64Array.from(weights, (w, i) => codes[i] * scales[Math.floor(i / group)] - w);
        let sum = 0;
        for (let r = 0; r < rows; r++) {
          for (let i = 0; i < columns; i++) {
            for (let j = 0; j < columns; j++)
              sum += apart[r * columns + i] * h[i * columns + j] * apart[r * columns + j];
          }
        }
        return sum;
      };
      let before = error();
      const first = before;
      for (let sweep = 0; sweep < 4; sweep++) {
        await groupedDescent({ weights, rows, columns, bits }, { codes, scales, group }, h, {
          sweeps: 1,
          round: Math.fround,
          matmul: plainMatMul,
        });
        expect(error()).toBeLessThanOrEqual(before * (1 + 1e-6));
        before = error();
      }
      expect(before).toBeLessThan(0.95 * first);
    }
  });

  it('moves the target half-way to the answer for the inputs of the quantized prefix', async () => {
    const random = new Random(9);
    const [rows, columns] = [3, 20];
    const weights = Float64Array.from({ length: rows * columns }, () => random.normal());
    const clean = inputs(200, columns, random);
    const noisy = clean.map((x) => 0.7 * x + 0.2 * random.normal());
    const moments = products(noisy, noisy, columns);
    const crossMoments = products(clean, noisy, columns);
    const responses = plainMatMul(weights, crossMoments, rows, columns, columns);
    const base = { weights, rows, columns, bits: 8, moments };
    const { codes, scales } = await roundRows({ ...base, responses }, 'reconstruct', tools);

    let mean = 0;
    for (let i = 0; i < columns; i++) mean += (0.01 * moments[i * columns + i]) / columns;
    const add = (m: Float64Array) => m.map((v, i) => (i % (columns + 1) === 0 ? v + mean : v));
    const inverse = invert(toRows(add(moments), columns, columns));
    const solved = multiply(
      multiply(toRows(weights, rows, columns), toRows(add(crossMoments), columns, columns)),
      inverse,
    );
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < columns; k++) {
        const target = (weights[r * columns + k] + solved[r][k]) / 2;
        // At 8 bits rounding moves a weight by a few steps at most.
        expect(Math.abs(codes[r * columns + k] * scales[r] - target)).toBeLessThan(6 * scales[r]);
        expect(Math.abs(target)).toBeLessThan(128 * scales[r]);
      }
    }
    const moved = solved[0].some((w, k) => Math.abs(w - weights[k]) / 2 > 6 * scales[0]);
    expect(moved).toBe(true);
  });

  it('rounds to nearest without inputs, and where all inputs are zero', async () => {
    const at = problem(3, 4, 12, 3);
    const nearest = await roundRows(at, 'nearest', tools);
    const dead = await roundRows({ ...at, moments: new Float64Array(144) }, 'reconstruct', tools);
    expect(dead).toEqual(nearest);
    await expect(roundRows({ ...at, moments: undefined }, 'gptq', tools)).rejects.toThrow('second moments');
  });

  it('gives the same with an asynchronous matrix product, and copes with dead inputs', async () => {
    const at = problem(4, 6, 30, 3);
    for (let k = 0; k < 30; k++) at.moments[7 * 30 + k] = at.moments[k * 30 + 7] = 0;
    const here = await roundRows(at, 'reconstruct', tools);
    const there = await roundRows(at, 'reconstruct', {
      ...tools,
      matmul: async (...args) => Promise.resolve(plainMatMul(...args)),
    });
    expect(there).toEqual(here);
    expect(here.codes.some((code) => code !== 0)).toBe(true);
  });
});
