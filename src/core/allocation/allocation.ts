/** Importance and sizes -> bits: the exact integer program of the paper's objective, with a certificate. */
import type { Allocation, AllocationProblem, Budget, Choice, Width } from '../problem/problem';
import { formulate, type Value } from '../problem/program';
import { type SolveOptions, solveProgram } from '../solver/solveProgram';
import type { Search } from '../solver/stateSearch';
import { infeasibleBudget } from './infeasible';
import { optionsOf, SolverError, spendRest, toAllocation } from './solution';

export { ProblemError } from '../problem/limits';
export { InfeasibleBudgetError } from './infeasible';
export { SolverError } from './solution';

export interface AllocateOptions {
  /**
   * Time after which the best answer so far is returned with its gap, in milliseconds; default 2000. 0: the Lagrangian
   * answer at once, within the limits and with its gap, to stand in while a slider moves.
   */
  timeLimit?: number;
  /** A solution within all budgets, as the index of each candidate's choice: the search starts no worse. */
  near?: readonly number[];
}

/**
 * Maximises sum_i weight_i bits_i (Ma et al. 2023, equation 7) within all budgets, exactly. Among optima it prefers one
 * whose rest of the budget is spent, so that a function of no importance is not starved for nothing. Deterministic
 * unless the time limit is reached.
 *
 * @throws InfeasibleBudgetError, ProblemError, SolverError
 */
export function allocate(problem: AllocationProblem, options: AllocateOptions = {}): Allocation {
  return allocateByValue(problem, bitsTimesWeight, options);
}

/** The paper's objective. */
export function bitsTimesWeight({ weight }: Width, { bits }: Choice): number {
  return weight * bits;
}

/** Maximises the sum of any value of the choices within all budgets. @throws as `allocate` */
export function allocateByValue(
  problem: AllocationProblem,
  valueOf: Value,
  options: AllocateOptions,
): Allocation {
  const start = performance.now();
  const deadline = start + (options.timeLimit ?? 2000);
  const formulation = formulate(problem, valueOf);
  const near = options.near && optionsOf(formulation, options.near);
  const answer = solveProgram(formulation.program, { deadline, near });
  if (answer.options === null) throw noAnswer(problem, answer, { deadline });
  const spent = { ...answer, options: spendRest(problem, formulation, answer.options) };
  return toAllocation(problem, formulation, spent, valueOf, start);
}

function noAnswer(problem: AllocationProblem, { isProven }: Search, options: SolveOptions): Error {
  if (isProven) return infeasibleBudget(problem, conflictOf(problem, options));
  return new SolverError(
    `No allocation within all ${problem.budgets.length} limits was found in the time given, and it is not certain that ` +
      `there is none: raise one of the limits.`,
  );
}

/** The fewest limits that cannot be kept together: two of them where that is enough, else all. */
function conflictOf(problem: AllocationProblem, options: SolveOptions): Budget[] {
  const { budgets } = problem;
  for (let b = 1; b < budgets.length; b++) {
    for (let a = 0; a < b; a++) {
      const pair = [budgets[a], budgets[b]];
      const { program } = formulate({ ...problem, budgets: pair }, () => 0);
      const answer = solveProgram(program, options);
      if (answer.options === null && answer.isProven) return pair;
    }
  }
  return budgets;
}
