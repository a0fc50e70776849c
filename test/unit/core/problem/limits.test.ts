import fc from 'fast-check';
import loadHighs from 'highs';
import { describe, expect, it } from 'vitest';
import {
  allocate,
  type AllocateOptions,
  InfeasibleBudgetError,
  SolverError,
} from '../../../../src/core/allocation/allocation';
import type { Allocation, AllocationProblem } from '../../../../src/core/problem/problem';
import {
  AMPLE,
  networkLike,
  severalLimits,
  sized,
  withMoreLimits,
} from '../../../support/allocation/problems';
import { bruteForce, byHighs, isWithin, linear } from '../../../support/allocation/oracle';

const highs = await loadHighs();

function solve(
  problem: AllocationProblem,
  options: AllocateOptions = AMPLE,
): Allocation | InfeasibleBudgetError {
  try {
    return allocate(problem, options);
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return error;
    throw error;
  }
}

describe('several limits together', () => {
  it('equal the best of all allocations that keep them', () => {
    fc.assert(
      fc.property(severalLimits, (problem) => {
        const best = bruteForce(problem, linear);
        const answer = solve(problem);
        if (answer instanceof InfeasibleBudgetError) {
          expect(best).toBe(null);
          return;
        }
        expect(isWithin(problem, answer.choices)).toBe(true);
        expect(answer.solver.status).toBe('optimal');
        const scale = Math.max(1, ...problem.candidates.map((c) => Math.abs(c.weight)));
        expect(Math.abs(answer.solver.objective - (best ?? NaN))).toBeLessThanOrEqual(1e-9 * scale);
      }),
      { numRuns: 500 },
    );
  });

  it('name the limits that clash, which are impossible together and possible without each other', () => {
    let clashes = 0;
    fc.assert(
      fc.property(severalLimits, (problem) => {
        const answer = solve(problem);
        if (!(answer instanceof InfeasibleBudgetError)) return;
        for (const { budget } of answer.shortfalls) {
          expect(bruteForce({ ...problem, budgets: [budget] }, linear)).toBe(null);
        }
        if (answer.conflict.length === 0) {
          expect(answer.shortfalls.length).toBeGreaterThan(0);
          return;
        }
        clashes++;
        expect(bruteForce({ ...problem, budgets: answer.conflict }, linear)).toBe(null);
        for (const budget of answer.conflict) {
          expect(bruteForce({ ...problem, budgets: [budget] }, linear)).not.toBe(null);
        }
      }),
      { numRuns: 400, seed: 11 },
    );
    expect(clashes).toBeGreaterThan(3);
  });

  it('equal HiGHS on networks, in less time', () => {
    for (const [functions, kinds] of [
      [18, ['bops', 'latency']],
      [53, ['bops']],
      [53, ['bops', 'latency']],
      [110, ['bops']],
    ] as const) {
      for (const bits of [3.4, 5]) {
        const problem = withMoreLimits(networkLike(functions, 'spread', bits), [...kinds]);
        const answer = allocate(problem, AMPLE);
        expect(isWithin(problem, answer.choices)).toBe(true);
        expect(answer.solver.status).toBe('optimal');
        const reference = byHighs(highs, problem, linear, 3);
        if (reference?.optimal) expect(answer.solver.objective).toBeCloseTo(reference.objective, 5);
      }
    }
  });

  it('say in words which of them clash', () => {
    const candidates = ['a', 'b'].map((name) => {
      const candidate = sized(name, 1000, 1, [2, 8]);
      candidate.choices[0].milliseconds = 5;
      candidate.choices[1].milliseconds = 1;
      return candidate;
    });
    const answer = solve({
      candidates,
      ties: [],
      fixedBytes: 0,
      budgets: [
        { kind: 'averageBits', bits: 6 },
        { kind: 'bytes', bytes: 1400 },
        { kind: 'latency', milliseconds: 3.5 },
      ],
    });
    expect((answer as InfeasibleBudgetError).conflict.map((budget) => budget.kind)).toEqual([
      'averageBits',
      'latency',
    ]);
    expect((answer as InfeasibleBudgetError).message).toBe(
      'No allocation keeps 6 bits on average and 3.5 ms together, although each alone can be kept. Raise one of these limits.',
    );
  });

  it('need their numbers', () => {
    const problem = { ...networkLike(2, 'spread', 4), budgets: [{ kind: 'bops' as const, bops: 1e9 }] };
    expect(() => allocate(problem)).toThrow('A limit on BOPs needs the BOPs of every choice; f0 has none.');
  });

  it('leave out the choices that need too much activation memory', () => {
    const candidate = sized('a', 1000, 1, [2, 4, 8]);
    candidate.choices.forEach((choice) => (choice.activationBytes = choice.bits * 100));
    const problem = { candidates: [candidate], ties: [], fixedBytes: 0 };
    expect(allocate({ ...problem, budgets: [{ kind: 'activationBytes', bytes: 799 }] }).bits).toEqual([4]);
    expect(() => allocate({ ...problem, budgets: [{ kind: 'activationBytes', bytes: 100 }] })).toThrow(
      'within 100 bytes of activations: the least possible is 200 bytes of activations',
    );
  });
});

describe('two limits that both bind', () => {
  it('are kept and bounded where the time is up before anything is proven', () => {
    const problem = withMoreLimits(networkLike(80, 'spread', 3 + 7 / 6, 7), ['bops'], 7);
    const answer = allocate(problem, { timeLimit: 0 });
    expect(isWithin(problem, answer.choices)).toBe(true);
    expect(answer.solver.bound).toBeGreaterThanOrEqual(answer.solver.objective);
  });

  it('do not turn an open question into an answer', () => {
    // No choice keeps both limits, which only a long search can tell; the time is up at once.
    const problem = withMoreLimits(networkLike(53, 'spread', 4), ['bops']);
    const answer = ((): unknown => {
      try {
        return allocate(problem, { timeLimit: 0 });
      } catch (error) {
        return error;
      }
    })();
    if (answer instanceof Error) expect(answer).toBeInstanceOf(SolverError);
    else expect(isWithin(problem, (answer as Allocation).choices)).toBe(true);
  });
});
