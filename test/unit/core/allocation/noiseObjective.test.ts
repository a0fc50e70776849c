import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../../src/common/random';
import { allocate, InfeasibleBudgetError } from '../../../../src/core/allocation/allocation';
import { buildProblem } from '../../../../src/core/allocation/buildProblem';
import {
  allocateNoiseAware,
  type NoiseObjective,
  noiseOf,
  smallestFile,
} from '../../../../src/core/allocation/noiseObjective';
import type { Allocation, AllocationProblem } from '../../../../src/core/problem/problem';
import { bruteForce, byHighs, isWithin } from '../../../support/allocation/oracle';
import {
  AMPLE,
  networkLike,
  severalLimits,
  smallProblems,
  withMoreLimits,
} from '../../../support/allocation/problems';

const highs = await loadHighs();

/** Noise that falls about as 4^-bits, not always monotonously. */
function withNoise(problem: AllocationProblem, seed: number): AllocationProblem {
  const next = mulberry32(seed);
  const candidates = problem.candidates.map((candidate) => {
    const level = 10 * Math.exp(2 * next() - 1);
    const choices = candidate.choices.map((choice) => ({
      ...choice,
      noise: choice.bits === 32 ? 0 : level * 4 ** -choice.bits * (1 + next()),
    }));
    return { ...candidate, weight: Math.abs(candidate.weight), choices };
  });
  return { ...problem, candidates };
}

const objectives = fc.constantFrom<NoiseObjective>('noise-aware', 'orthogonality-noise');

function solve(run: () => Allocation): Allocation | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return null;
    throw error;
  }
}

describe('allocateNoiseAware', () => {
  it('equals the best of all allocations, under one limit and several', () => {
    fc.assert(
      fc.property(
        fc.oneof(smallProblems, severalLimits),
        fc.integer(),
        objectives,
        (plain, seed, objective) => {
          const problem = withNoise(plain, seed);
          const cost = noiseOf(objective);
          const best = bruteForce(problem, (c, choice) => -cost(c, choice));
          const answer = solve(() => allocateNoiseAware(problem, objective, AMPLE));
          if (best === null || answer === null) {
            expect(answer).toBe(best);
            return;
          }
          expect(isWithin(problem, answer.choices)).toBe(true);
          expect(answer.solver.status).toBe('optimal');
          expect(answer.solver.bound).toBeLessThanOrEqual(answer.solver.objective);
          const scale = Math.max(1, ...problem.candidates.map((c) => c.weight));
          expect(Math.abs(answer.solver.objective + best)).toBeLessThanOrEqual(1e-9 * scale);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('equals HiGHS on networks', () => {
    for (const [functions, kinds] of [
      [18, []],
      [53, []],
      [53, ['bops']],
      [110, []],
    ] as const) {
      const problem = withNoise(withMoreLimits(networkLike(functions, 'spread', 3.4), [...kinds]), functions);
      const cost = noiseOf('noise-aware');
      const answer = allocateNoiseAware(problem, 'noise-aware', AMPLE);
      expect(isWithin(problem, answer.choices)).toBe(true);
      expect(answer.solver.status).toBe('optimal');
      const reference = byHighs(highs, problem, (c, choice) => -cost(c, choice), 3);
      if (reference?.optimal) expect(answer.solver.objective).toBeCloseTo(-reference.objective, 6);
    }
  });

  it('has less noise than the linear objective at the same size', () => {
    const problem = withNoise(networkLike(53, 'spread', 3.4), 1);
    const noise = (bits: number[]): number =>
      problem.candidates.reduce(
        (sum, c, i) => sum + (c.choices.find((x) => x.bits === bits[i])?.noise ?? NaN),
        0,
      );
    expect(noise(allocateNoiseAware(problem, 'noise-aware').bits)).toBeLessThan(
      0.5 * noise(allocate(problem).bits),
    );
  });

  it('stands in at once when no time is given, within the limits and honest about its gap', () => {
    const problem = withNoise(withMoreLimits(networkLike(110, 'spread', 3.4), ['bops']), 3);
    const quick = allocateNoiseAware(problem, 'noise-aware', { timeLimit: 0 });
    const exact = allocateNoiseAware(problem, 'noise-aware', AMPLE);
    expect(isWithin(problem, quick.choices)).toBe(true);
    expect(quick.solver.status).toBe('feasible');
    expect(quick.solver.bound).toBeLessThanOrEqual(exact.solver.objective);
    expect(quick.solver.objective).toBeGreaterThanOrEqual(exact.solver.objective);
    expect(quick.solver.gap).toBeLessThan(0.05);
  });

  it('refuses noise that is not known and importance that is negative', () => {
    const problem = networkLike(2, 'spread', 4);
    expect(() => allocateNoiseAware(problem, 'noise-aware')).toThrow(
      'The noise of f0 at 2 bits is not known.',
    );
    const negative = withNoise(problem, 1);
    negative.candidates[1].weight = -1;
    expect(() => allocateNoiseAware(negative, 'orthogonality-noise')).toThrow(
      'importance of f1 must not be negative',
    );
    expect(allocateNoiseAware(negative, 'noise-aware').solver.status).toBe('optimal');
  });
});

describe('bits of the activations as part of the search', () => {
  const functions = fc.array(
    fc.record({
      params: fc.integer({ min: 1, max: 5000 }),
      macs: fc.integer({ min: 0, max: 100_000 }),
      activations: fc.integer({ min: 1, max: 1000 }),
      level: fc.double({ min: 0.01, max: 10, noNaN: true }),
      activationLevel: fc.double({ min: 0.01, max: 10, noNaN: true }),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const byWidth = (level: number): Record<number, number> =>
    Object.fromEntries([2, 3, 4, 5, 6, 7, 8].map((bits) => [bits, level * 4 ** -bits]));

  it('equals the best of all pairs of widths within size, BOPs and peak activation memory', () => {
    fc.assert(
      fc.property(
        functions,
        fc.tuple(...[1, 2, 3].map(() => fc.double({ min: 0.1, max: 1, noNaN: true }))),
        (list, [size, bops, peak]) => {
          const last = list.length - 1;
          const sized = list.map((f, i) => ({
            name: `f${i}`,
            params: f.params,
            weight: 1,
            macs: f.macs,
            activations: f.activations,
            bytes: Object.fromEntries([2, 4, 8].map((bits) => [bits, Math.ceil((f.params * bits) / 8)])),
            noise: byWidth(f.level),
            activationWidths: i === last ? [8] : [4, 6, 8],
            activationNoise: byWidth(f.activationLevel),
          }));
          const most = (of: (f: (typeof list)[number]) => number): number =>
            list.reduce((sum, f) => sum + of(f), 0);
          const problem = buildProblem(sized, {
            widths: [2, 4, 8],
            pins: null,
            locks: {},
            ties: [],
            fixedBytes: 0,
            budget: [
              { kind: 'bytes', bytes: Math.ceil(most((f) => f.params) * size) + list.length },
              { kind: 'bops', bops: Math.ceil(most((f) => f.macs) * 64 * bops) },
              { kind: 'activationBytes', bytes: 1000 * peak },
            ],
          });
          expect(problem.candidates[0].choices).toHaveLength(last === 0 ? 3 : 9);
          // Written down again: one function's part of the answer, without Choice.
          const costs = problem.candidates.map((c, i) =>
            c.choices.map(({ bits, activationBits }) => ({
              bits,
              activationBits: activationBits!,
              // Beside inputs of 8 bits, weights of 8 are written with codes of 7.
              noise:
                byWidth(list[i].level)[bits === 8 && activationBits === 8 ? 7 : bits] +
                byWidth(list[i].activationLevel)[activationBits!],
            })),
          );
          const isWithinAll = (chosen: number[]): boolean => {
            const of = chosen.map((k, i) => ({ ...list[i], ...costs[i][k] }));
            const sum = (each: (f: (typeof of)[number]) => number) => of.reduce((s, f) => s + each(f), 0);
            const [bytes, operations, memory] = problem.budgets;
            return (
              bytes.kind === 'bytes' &&
              operations.kind === 'bops' &&
              memory.kind === 'activationBytes' &&
              sum((f) => Math.ceil((f.params * f.bits) / 8)) <= bytes.bytes &&
              sum((f) => f.macs * f.bits * f.activationBits) <= operations.bops &&
              of.every((f) => Math.ceil((f.activations * f.activationBits) / 8) <= memory.bytes)
            );
          };
          const free = { ...problem, budgets: [] };
          const best = bruteForce(
            free,
            (c, choice, i) => -costs[i][c.choices.indexOf(choice)].noise,
            isWithinAll,
          );
          const answer = solve(() => allocateNoiseAware(problem, 'noise-aware', AMPLE));
          if (best === null || answer === null) {
            expect(answer).toBe(best);
            return;
          }
          expect(isWithinAll(answer.choices)).toBe(true);
          expect(answer.solver.status).toBe('optimal');
          expect(answer.solver.objective).toBeCloseTo(-best, 9);
          expect(answer.activationBits).toEqual(answer.choices.map((k, i) => costs[i][k].activationBits));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('equals HiGHS on a network of 53 functions with a limit on BOPs', () => {
    const next = mulberry32(53);
    const sized = Array.from({ length: 53 }, (_, i) => {
      const params = 9 * Math.round(Math.exp(4 + 9 * next()));
      return {
        name: `f${i}`,
        params,
        weight: 1,
        macs: params * Math.ceil(1000 * next() ** 3),
        bytes: Object.fromEntries([2, 3, 4, 5, 6, 7, 8].map((b) => [b, Math.ceil((params * b) / 8)])),
        noise: byWidth(10 * Math.exp(2 * next() - 1)),
        activationWidths: [4, 6, 8],
        activationNoise: byWidth(10 * Math.exp(2 * next() - 1)),
      };
    });
    const [params, macs] = [sized.reduce((s, f) => s + f.params, 0), sized.reduce((s, f) => s + f.macs, 0)];
    const problem = buildProblem(sized, {
      widths: [2, 3, 4, 5, 6, 7, 8],
      pins: { first: 8, last: 8 },
      locks: {},
      ties: [],
      fixedBytes: 0,
      budget: [
        { kind: 'bytes', bytes: Math.ceil(params / 2) },
        { kind: 'bops', bops: macs * 26 },
      ],
    });
    const cost = noiseOf('noise-aware');
    const answer = allocateNoiseAware(problem, 'noise-aware', AMPLE);
    expect(isWithin(problem, answer.choices)).toBe(true);
    expect(new Set(answer.activationBits).size).toBeGreaterThan(1);
    const reference = byHighs(highs, problem, (c, choice) => -cost(c, choice), 5);
    expect(reference).not.toBeNull();
    if (reference?.optimal) expect(answer.solver.objective).toBeCloseTo(-reference.objective, 6);
    else expect(answer.solver.objective).toBeLessThanOrEqual(-reference!.objective + 1e-9);
  });
});

describe('smallestFile', () => {
  it('is the smallest of all files with so little noise', () => {
    fc.assert(
      fc.property(
        smallProblems,
        fc.integer(),
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        (plain, seed, limit) => {
          const problem = { ...withNoise(plain, seed), budgets: [{ kind: 'noise' as const, noise: limit }] };
          const free = { ...problem, budgets: [] };
          const noise = noiseOf('noise-aware');
          const best = bruteForce(
            free,
            (_, choice) => -choice.bytes,
            (choices) =>
              choices.reduce(
                (sum, k, i) => sum + noise(problem.candidates[i], problem.candidates[i].choices[k]),
                0,
              ) <= limit,
          );
          const answer = solve(() => smallestFile(problem));
          expect(answer && answer.sizeBytes - problem.fixedBytes).toBe(best === null ? null : 0 - best);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('says how much noise there is at the least', () => {
    const problem = withNoise(networkLike(2, 'spread', 4), 1);
    const least = problem.candidates.reduce(
      (sum, c) => sum + Math.min(...c.choices.map((x) => x.noise ?? 0)),
      0,
    );
    problem.budgets = [{ kind: 'noise', noise: least / 2 }];
    expect(() => smallestFile(problem)).toThrow(
      `the least possible is a noise of ${Number(least.toPrecision(4))}`,
    );
  });
});
