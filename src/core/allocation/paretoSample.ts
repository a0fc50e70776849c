/** Some points of a Pareto curve, for objectives and limits with which the whole curve is too much. */
import type { Allocation, AllocationProblem } from '../problem/problem';
import type { Value } from '../problem/program';
import { allocateByValue, type AllocateOptions, bitsTimesWeight } from './allocation';
import { InfeasibleBudgetError } from './infeasible';
import { paretoCurve } from './pareto';

/**
 * The best allocations at evenly spaced sizes of the file, from the smallest to the largest, each solved exactly, from the
 * one before; sizes at which nothing new is possible are left out. The problem's limits other than on size hold. One at a time, so
 * that the caller can draw them as they come and stop.
 * @param valueOf maximised; default: the paper's objective
 * @param points 2 or more
 */
export function* sampleCurve(
  problem: AllocationProblem,
  points: number,
  valueOf: Value = bitsTimesWeight,
  options: AllocateOptions = {},
): Generator<Allocation, void, undefined> {
  const { size } = paretoCurve(problem, { objective: valueOf, maxPoints: 0 });
  const [least, most] = [size[0], size[size.length - 1]];
  const others = problem.budgets.filter(({ kind }) => kind !== 'bytes');
  const solveAt = (bytes: number, near?: readonly number[]): Allocation | null =>
    solve({ ...problem, budgets: [{ kind: 'bytes', bytes }, ...others] }, valueOf, { ...options, near });
  // Whatever the size, no more is possible: from its size on, this is the answer.
  const top = solveAt(most);
  if (top === null) return;
  const isProven = top.solver.status === 'optimal';
  let last = null as Allocation | null;
  for (let point = 0; point < points; point++) {
    const bytes = least + Math.round(((most - least) * point) / (points - 1));
    const isEnd = bytes >= most || (isProven && bytes >= top.sizeBytes);
    const allocation = isEnd ? top : solveAt(bytes, last?.choices);
    if (allocation !== null && allocation.solver.objective > (last?.solver.objective ?? -Infinity)) {
      last = allocation;
      yield allocation;
    }
    if (isEnd) return;
  }
}

/** Null where the limits leave nothing. */
function solve(problem: AllocationProblem, valueOf: Value, options: AllocateOptions): Allocation | null {
  try {
    return allocateByValue(problem, valueOf, options);
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return null;
    throw error;
  }
}
