import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Program } from '../../../../src/core/problem/program';
import { searchStates } from '../../../../src/core/solver/stateSearch';

const small = fc.integer({ min: 0, max: 6 });

/** Programs full of equal, dominated and pointless options, as limits that are left out at first make them. */
const programs: fc.Arbitrary<Program> = fc.integer({ min: 1, max: 3 }).chain((limits) =>
  fc
    .array(
      fc
        .array(fc.tuple(small, fc.tuple(small, small, small)), { minLength: 1, maxLength: 4 })
        .map((options) => ({
          value: Float64Array.from(options, ([value]) => value / 6),
          use: Array.from({ length: limits }, (_, m) => Float64Array.from(options, ([, use]) => use[m])),
          option: Int32Array.from(options, (_, o) => o),
        })),
      { minLength: 1, maxLength: 6 },
    )
    .chain((groups) =>
      fc
        .array(fc.integer({ min: 0, max: 6 * groups.length }), { minLength: limits, maxLength: limits })
        .map((capacity) => ({ groups, capacity: Float64Array.from(capacity) })),
    ),
);

function best({ groups, capacity }: Program): number {
  let sums = [{ value: 0, use: Array.from(capacity, () => 0) }];
  for (const group of groups) {
    sums = sums.flatMap(({ value, use }) =>
      [...group.value.keys()].map((o) => ({
        value: value + group.value[o],
        use: use.map((u, m) => u + group.use[m][o]),
      })),
    );
  }
  return sums
    .filter(({ use }) => use.every((u, m) => u <= capacity[m]))
    .reduce((most, { value }) => Math.max(most, value), -Infinity);
}

describe('searchStates', () => {
  it('finds and proves the optimum, or that there is none, whatever options a program has', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { options, value, bound, isProven } = searchStates(program, {
          maxStates: 4096,
          deadline: Infinity,
        });
        expect(isProven).toBe(true);
        const optimum = best(program);
        if (optimum === -Infinity) {
          expect(options).toBe(null);
          return;
        }
        expect(value).toBeCloseTo(optimum, 10);
        expect(bound).toBeCloseTo(optimum, 10);
        const { groups, capacity } = program;
        const taken = options ?? new Int32Array(groups.length);
        expect(groups.reduce((sum, group, g) => sum + group.value[taken[g]], 0)).toBeCloseTo(value, 10);
        capacity.forEach((most, m) => {
          expect(groups.reduce((sum, group, g) => sum + group.use[m][taken[g]], 0)).toBeLessThanOrEqual(most);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('never claims more than it knows with few states', () => {
    fc.assert(
      fc.property(programs, fc.integer({ min: 1, max: 4 }), (program, maxStates) => {
        const { value, bound, isProven } = searchStates(program, { maxStates, deadline: Infinity });
        const optimum = best(program);
        expect(value).toBeLessThanOrEqual(optimum + 1e-10);
        expect(bound).toBeGreaterThanOrEqual(optimum - 1e-10);
        if (isProven && optimum > -Infinity) expect(value).toBeCloseTo(optimum, 10);
      }),
      { numRuns: 500 },
    );
  });
});
