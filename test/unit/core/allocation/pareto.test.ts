import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate } from '../../../../src/core/allocation/allocation';
import { paretoCurve } from '../../../../src/core/allocation/pareto';
import { sampleCurve } from '../../../../src/core/allocation/paretoSample';
import type { AllocationProblem } from '../../../../src/core/problem/problem';
import {
  AMPLE,
  networkLike,
  severalLimits,
  SHAPES,
  smallProblems,
} from '../../../support/allocation/problems';
import { bruteForce, isWithin, linear } from '../../../support/allocation/oracle';

/** All pairs of size and objective that no other beats, by trying everything. */
function frontOf({ candidates, fixedBytes, ...problem }: AllocationProblem): [number, number][] {
  let all: { size: number; objective: number; choices: number[] }[] = [
    { size: fixedBytes, objective: 0, choices: [] },
  ];
  for (const c of candidates) {
    all = all.flatMap((part) =>
      c.choices.map((choice, k) => ({
        size: part.size + choice.bytes,
        objective: part.objective + c.weight * choice.bits,
        choices: [...part.choices, k],
      })),
    );
  }
  const free = { ...problem, candidates, fixedBytes, budgets: [] };
  all = all
    .filter(({ choices }) => isWithin(free, choices))
    .sort((a, b) => a.size - b.size || b.objective - a.objective);
  const front: [number, number][] = [];
  for (const { size, objective } of all) {
    const scale = Math.max(...candidates.map((c) => Math.abs(c.weight)));
    if (front.length === 0 || objective > front[front.length - 1][1] + 1e-12 * scale)
      front.push([size, objective]);
  }
  return front;
}

/** What the bits of every point really weigh and are worth. */
function checkPoints(problem: AllocationProblem, curve: ReturnType<typeof paretoCurve>, every = 1): void {
  for (let point = 0; point < curve.size.length; point += every) {
    const bits = curve.bitsAt(point);
    const chosen = problem.candidates.map((c, i) => c.choices.find((choice) => choice.bits === bits[i]));
    expect(chosen.reduce((sum, choice) => sum + (choice?.bytes ?? NaN), problem.fixedBytes)).toBe(
      curve.size[point],
    );
    const objective = problem.candidates.reduce((sum, c, i) => sum + c.weight * bits[i], 0);
    expect(Math.abs(objective - curve.objective[point])).toBeLessThanOrEqual(
      1e-9 * Math.max(1, Math.abs(objective)),
    );
    if (point > 0) {
      expect(curve.size[point]).toBeGreaterThan(curve.size[point - 1]);
      expect(curve.objective[point]).toBeGreaterThan(curve.objective[point - 1]);
    }
  }
}

describe('paretoCurve', () => {
  it('is every distinct optimum', () => {
    fc.assert(
      fc.property(smallProblems, (problem) => {
        const curve = paretoCurve(problem);
        expect(curve.isComplete).toBe(true);
        const front = frontOf(problem);
        expect([...curve.size]).toEqual(front.map(([size]) => size));
        const scale = Math.max(1, ...problem.candidates.map((c) => Math.abs(c.weight)));
        front.forEach(([, objective], k) => {
          expect(Math.abs(curve.objective[k] - objective)).toBeLessThanOrEqual(1e-9 * scale);
        });
        checkPoints(problem, curve);
      }),
      { numRuns: 150 },
    );
  });

  it('has what the solver finds, at 53 functions', () => {
    const problem = networkLike(53, 'spread', 4);
    const curve = paretoCurve(problem, AMPLE);
    expect(curve.isComplete).toBe(true);
    checkPoints(problem, curve, 97);
    for (const point of [0, 1, 500, 1500, curve.size.length - 1]) {
      // Neither this size nor a byte less than the next allows more.
      for (const bytes of [curve.size[point], (curve.size[point + 1] ?? curve.size[point] + 2) - 1]) {
        const { solver } = allocate({ ...problem, budgets: [{ kind: 'bytes', bytes }] }, AMPLE);
        expect(solver.objective).toBeCloseTo(curve.objective[point], 9);
      }
    }
  });

  it('is the convex hull where there are too many optima, each of them exact', () => {
    for (const shape of SHAPES) {
      const problem = networkLike(18, shape, 4);
      const hull = paretoCurve(problem, { maxPoints: 0 });
      expect(hull.isComplete).toBe(false);
      expect(hull.size.length).toBeLessThanOrEqual(18 * 6 + 1);
      checkPoints(problem, hull);
      for (let point = 0; point < hull.size.length; point += 9) {
        const budgets = [{ kind: 'bytes' as const, bytes: hull.size[point] }];
        const { solver } = allocate({ ...problem, budgets }, AMPLE);
        expect(Math.abs(solver.objective - hull.objective[point])).toBeLessThanOrEqual(
          1e-9 * solver.objective,
        );
      }
    }
    expect(paretoCurve(networkLike(53, 'proportional', 4), { maxPoints: 5000 }).isComplete).toBe(false);
  });

  it('runs along other axes and objectives', () => {
    const problem = networkLike(18, 'spread', 4);
    const curve = paretoCurve(problem, { axis: 'averageBits', objective: (_, { bits }) => -(4 ** -bits) });
    expect(curve.size[0]).toBe(2);
    expect(curve.size[curve.size.length - 1]).toBe(8);
    expect(curve.objective[curve.objective.length - 1]).toBeCloseTo(-18 * 4 ** -8, 15);
  });
});

describe('sampleCurve', () => {
  it('finds points of the whole curve, evenly spaced, and both ends', () => {
    const problem = networkLike(18, 'spread', 4);
    const whole = paretoCurve(problem, AMPLE);
    const sample = [...sampleCurve(problem, 20, undefined, AMPLE)];
    expect(sample.length).toBe(20);
    const at = new Map([...whole.size].map((size, k) => [size, whole.objective[k]]));
    for (const { sizeBytes, solver } of sample) expect(at.get(sizeBytes)).toBeCloseTo(solver.objective, 9);
    expect(sample[0].sizeBytes).toBe(whole.size[0]);
    expect(sample[19].sizeBytes).toBe(whole.size[whole.size.length - 1]);
  });

  it('is the best of all allocations at every size asked for, under several limits', () => {
    const points = 9;
    fc.assert(
      fc.property(severalLimits, (problem) => {
        const sample = [...sampleCurve(problem, points, undefined, AMPLE)];
        const { size } = paretoCurve(problem, { maxPoints: 0 });
        const [least, most] = [size[0], size[size.length - 1]];
        const others = problem.budgets.filter(({ kind }) => kind !== 'bytes');
        const scale = Math.max(1, ...problem.candidates.map((c) => Math.abs(c.weight)));
        for (let k = 0; k < points; k++) {
          const bytes = least + Math.round(((most - least) * k) / (points - 1));
          const budgets = [{ kind: 'bytes' as const, bytes }, ...others];
          const best = bruteForce({ ...problem, budgets }, linear);
          const found = sample.filter(({ sizeBytes }) => sizeBytes <= bytes).at(-1);
          expect(found === undefined).toBe(best === null);
          expect(Math.abs((found?.solver.objective ?? 0) - (best ?? 0))).toBeLessThanOrEqual(1e-9 * scale);
        }
        for (const { choices } of sample)
          expect(isWithin({ ...problem, budgets: others }, choices)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps the other limits and leaves out sizes where they forbid everything new', () => {
    const problem = networkLike(18, 'spread', 4);
    problem.budgets = [{ kind: 'averageBits', bits: 5 }];
    const sample = [...sampleCurve(problem, 12, undefined, AMPLE)];
    expect(sample.length).toBeLessThan(12);
    for (const { averageBits } of sample) expect(averageBits).toBeLessThanOrEqual(5);
  });
});
