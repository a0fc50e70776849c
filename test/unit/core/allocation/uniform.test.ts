import { describe, expect, it } from 'vitest';
import type { AllocationProblem } from '../../../../src/core/problem/problem';
import { allocateUniform } from '../../../../src/core/allocation/uniform';
import { sized } from '../../../support/allocation/problems';

const problem = (bits: number): AllocationProblem => ({
  candidates: [
    { ...sized('first', 100, 1, [8]), fixedBy: 'pin' },
    sized('a', 1000, 1),
    sized('b', 1000, 1, [2, 4, 16]),
    sized('c', 1000, 1, [6, 7]),
  ],
  ties: [],
  fixedBytes: 10,
  budgets: [{ kind: 'averageBits', bits }],
});

describe('allocateUniform', () => {
  it('gives all free functions the largest width that fits, or their next lower or lowest one', () => {
    expect(allocateUniform(problem(32))?.bits).toEqual([8, 8, 16, 7]);
    expect(allocateUniform(problem(6.5))?.bits).toEqual([8, 8, 4, 7]);
    expect(allocateUniform(problem(5.3))?.bits).toEqual([8, 5, 4, 6]);
    expect(allocateUniform(problem(3.6))?.bits).toEqual([8, 2, 2, 6]);
    expect(allocateUniform(problem(3))).toBe(null);
  });

  it('adds up what it comes to', () => {
    const answer = allocateUniform(problem(32));
    expect(answer?.sizeBytes).toBe(10 + 160 + 1060 + 2020 + 1285);
    expect(answer?.averageBits).toBeCloseTo((800 + 8000 + 16000 + 7000) / 3100, 12);
  });

  it('spends what is left on the next larger width, the smallest functions first', () => {
    const sizes = [3000, 1000, 2000, 500];
    const mixed = (bits: number): AllocationProblem => ({
      candidates: sizes.map((size, i) => sized(`f${i}`, size, 1)),
      ties: [[0, 3]],
      fixedBytes: 0,
      budgets: [{ kind: 'averageBits', bits }],
    });
    expect(allocateUniform(mixed(4))?.bits).toEqual([4, 4, 4, 4]);
    // 1,000 of 6,500 weights, then 2,000 more; the tied ones, of 3,500 together, come last.
    expect(allocateUniform(mixed(4.2))?.bits).toEqual([4, 5, 4, 4]);
    expect(allocateUniform(mixed(4.47))?.bits).toEqual([4, 5, 5, 4]);
    expect(allocateUniform(mixed(4.6))?.bits).toEqual([4, 5, 5, 4]);
  });

  it('is what there is where everything is fixed', () => {
    const fixed = { ...problem(8), candidates: problem(8).candidates.slice(0, 1) };
    expect(allocateUniform(fixed)?.bits).toEqual([8]);
  });
});
