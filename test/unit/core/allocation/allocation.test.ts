import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import { allocate, InfeasibleBudgetError, ProblemError } from '../../../../src/core/allocation/allocation';
import type { Allocation, AllocationProblem } from '../../../../src/core/problem/problem';
import { AMPLE, networkLike, SHAPES, sized, smallProblems } from '../../../support/allocation/problems';
import { bruteForce, byHighs, isWithin, linear } from '../../../support/allocation/oracle';

const highs = await loadHighs();

/** What must hold of every answer. */
function check(problem: AllocationProblem, answer: Allocation): void {
  const { candidates } = problem;
  expect(isWithin(problem, answer.choices)).toBe(true);
  expect(answer.bits).toEqual(answer.choices.map((k, i) => candidates[i].choices[k].bits));
  const bytes = answer.choices.reduce(
    (sum, k, i) => sum + candidates[i].choices[k].bytes,
    problem.fixedBytes,
  );
  expect(answer.sizeBytes).toBe(bytes);
  const objective = answer.choices.reduce(
    (sum, k, i) => sum + linear(candidates[i], candidates[i].choices[k], i),
    0,
  );
  expect(answer.solver.objective).toBeCloseTo(objective, 9);
  expect(answer.solver.bound).toBeGreaterThanOrEqual(answer.solver.objective);
}

function solveOrNull(problem: AllocationProblem): Allocation | null {
  try {
    return allocate(problem, AMPLE);
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return null;
    throw error;
  }
}

describe('allocate', () => {
  it('equals the best of all allocations on small problems', () => {
    fc.assert(
      fc.property(smallProblems, (problem) => {
        const best = bruteForce(problem, linear);
        const answer = solveOrNull(problem);
        if (best === null || answer === null) {
          expect(answer).toBe(best);
          return;
        }
        check(problem, answer);
        expect(answer.solver.status).toBe('optimal');
        const scale = Math.max(1, ...problem.candidates.map((c) => Math.abs(c.weight)));
        expect(Math.abs(answer.solver.objective - best)).toBeLessThanOrEqual(1e-9 * scale);
      }),
      { numRuns: 400 },
    );
  });

  it('is not beaten by HiGHS and proves it, whatever the shape of the network', () => {
    for (const functions of [1, 2, 18, 53]) {
      for (const shape of SHAPES) {
        const problem = networkLike(functions, shape, 3.3);
        const answer = allocate(problem, AMPLE);
        check(problem, answer);
        const reference = byHighs(highs, problem, linear, 1);
        const tolerance = 1e-9 * Math.max(1, answer.solver.objective);
        expect(answer.solver.status).toBe('optimal');
        if (reference?.optimal) expect(answer.solver.objective).toBeCloseTo(reference.objective, 5);
        // HiGHS works to a feasibility tolerance and may overrun the limit by a few bytes; its answer must not be
        // better than what we have proven possible by more than that is worth.
        expect(reference?.objective).toBeLessThanOrEqual(
          answer.solver.bound + 2e-6 * answer.solver.objective + tolerance,
        );
      }
    }
  });
});

describe('networks', () => {
  // How long it takes: bench/allocation.
  it.each(SHAPES)('of 53 and 300 functions at seven widths are solved and proved (%s)', (shape) => {
    for (const functions of [53, 300]) {
      for (const bits of [2.5, 3.7, 5.2]) {
        const problem = networkLike(functions, shape, bits);
        const answer = allocate(problem, AMPLE);
        check(problem, answer);
        expect(answer.solver.status).toBe('optimal');
      }
    }
  });
});

describe('budgets', () => {
  const network = (bits: number): AllocationProblem => ({
    candidates: [sized('a', 1000, 1), sized('b', 3000, 0.5), sized('c', 77, 0.1)],
    ties: [],
    fixedBytes: 0,
    budgets: [{ kind: 'averageBits', bits }],
  });

  it('allows exactly the average that is asked for, as a decimal', () => {
    for (const bits of [4, 3, 2, 8]) {
      const problem = network(bits);
      for (const candidate of problem.candidates) {
        candidate.choices = candidate.choices.filter((choice) => choice.bits === bits);
      }
      expect(allocate(problem).averageBits).toBe(bits);
    }
    // 10 weights at 3.3 bits are 33 bits: 3.3 * 10 is 33 in decimal, whatever binary makes of it.
    const problem = network(3.3);
    problem.candidates = [sized('a', 7, 1, [2, 3]), sized('b', 3, 1, [4])];
    expect(allocate(problem).bits).toEqual([3, 4]);
    problem.budgets = [{ kind: 'averageBits', bits: 3.2999 }];
    expect(allocate(problem).bits).toEqual([2, 4]);
  });

  it('counts pinned functions in the average', () => {
    const problem = network(4);
    problem.candidates = [sized('a', 100, 1, [8]), sized('b', 100, 1, [2]), sized('c', 100, 1)];
    expect(allocate(problem).bits).toEqual([8, 2, 2]);
  });

  it('keeps tied functions equal, also by way of a third', () => {
    const problem = network(5);
    problem.ties = [
      [0, 1],
      [1, 2],
    ];
    expect(allocate(problem).bits).toEqual([5, 5, 5]);
  });

  it('spends what is left on functions without importance', () => {
    const problem = network(7.9);
    for (const candidate of problem.candidates) candidate.weight = 0;
    expect(allocate(problem).averageBits).toBeGreaterThan(7);
    problem.candidates[0].weight = 1e-300;
    expect(allocate(problem).bits[0]).toBe(8);
  });

  it('takes the lowest widths when every weight is negative', () => {
    const problem = network(8);
    for (const candidate of problem.candidates) candidate.weight = -1;
    expect(allocate(problem).bits).toEqual([2, 2, 2]);
  });

  it('takes the highest widths when nothing limits them', () => {
    expect(allocate({ ...network(4), budgets: [] }).bits).toEqual([8, 8, 8]);
    expect(allocate({ ...network(4), budgets: [{ kind: 'bytes', bytes: Infinity }] }).bits).toEqual([
      8, 8, 8,
    ]);
  });

  it('refuses problems that are none', () => {
    expect(() => allocate({ ...network(4), candidates: [] })).toThrow(ProblemError);
    const broken = network(4);
    broken.candidates[1].weight = NaN;
    expect(() => allocate(broken)).toThrow('finite');
    expect(() => allocate({ ...network(4), budgets: [{ kind: 'averageBits', bits: NaN }] })).toThrow(
      ProblemError,
    );
    const bytes = network(4);
    bytes.budgets = [{ kind: 'bytes', bytes: 1e6 }];
    bytes.candidates[0].choices[0].bytes = 1.5;
    expect(() => allocate(bytes)).toThrow('whole number');
    const tied = network(4);
    tied.candidates[0].choices = tied.candidates[0].choices.slice(0, 1);
    tied.candidates[1].choices = tied.candidates[1].choices.slice(1);
    tied.ties = [[0, 1]];
    expect(() => allocate(tied)).toThrow('a, b share their weights but have no width in common');
  });
});

describe('an infeasible budget', () => {
  const problem: AllocationProblem = {
    candidates: [
      { ...sized('first', 1000, 1, [8]), fixedBy: 'pin', ifReleased: sized('first', 1000, 1).choices },
      sized('middle', 4000, 1),
      { ...sized('last', 2000, 1, [8]), fixedBy: 'lock', ifReleased: sized('last', 2000, 1).choices },
    ],
    ties: [],
    fixedBytes: 100,
    budgets: [{ kind: 'bytes', bytes: 4000 }],
  };
  const caught = (p: AllocationProblem): InfeasibleBudgetError => {
    try {
      allocate(p);
    } catch (error) {
      if (error instanceof InfeasibleBudgetError) return error;
    }
    throw new Error('was feasible');
  };

  it('says the smallest size and which pins and locks stand in the way', () => {
    const error = caught(problem);
    // 100 + (1000 + 60) + (1000 + 170) + (2000 + 60)
    expect(error.smallestBytes).toBe(4390);
    expect(error.smallestAverageBits).toBeCloseTo((1000 * 8 + 4000 * 2 + 2000 * 8) / 7000, 12);
    expect(error.shortfalls[0].blockers).toEqual([
      { index: 2, name: 'last', fixedBy: 'lock', bits: 8, saves: 2060 - 670 },
      { index: 0, name: 'first', fixedBy: 'pin', bits: 8, saves: 1060 - 420 },
    ]);
    expect(error.message).toBe(
      'No allocation keeps within 4,000 bytes: the least possible is 4,390 bytes. Releasing last (locked at 8 bits) ' +
        'and first (pinned at 8 bits) brings it down to 2,360 bytes, which is enough. ' +
        'Give --no-pin or, for example, --pin first=4 (in VS Code the settings ompq.pinFirst and ompq.pinLast).',
    );
    expect(allocate({ ...problem, budgets: [{ kind: 'bytes', bytes: 4390 }] }).sizeBytes).toBe(4390);
  });

  it('says it in bits on average, and when releasing does not help enough', () => {
    const error = caught({ ...problem, budgets: [{ kind: 'averageBits', bits: 1.5 }] });
    expect(error.message).toContain(
      'within 1.5 bits on average: the least possible is 4.5715 bits on average.',
    );
    expect(error.message).toContain('down to 2 bits on average, which is still not enough.');
  });

  it('asks for a larger budget where nothing is fixed', () => {
    const free = {
      ...problem,
      candidates: [sized('only', 80, 1)],
      budgets: [{ kind: 'bytes' as const, bytes: 10 }],
    };
    expect(caught(free).message).toBe(
      'No allocation keeps within 10 bytes: the least possible is 240 bytes. Raise the limit or allow lower bit-widths.',
    );
  });

  it.each([
    [{ kind: 'latency', milliseconds: 1 }, 'allow the bit-widths that run fastest.'],
    [{ kind: 'noise', noise: 1e-9 }, 'allow wider bit-widths.'],
  ] as const)('says what helps against too low a %o', (budget, remedy) => {
    const only = sized('only', 80, 1);
    const choices = only.choices.map((choice) => ({ ...choice, milliseconds: 2, noise: 1 / choice.bits }));
    const free = { ...problem, candidates: [{ ...only, choices }], budgets: [budget] };
    expect(caught(free).message).toContain(`Raise the limit or ${remedy}`);
  });
});
