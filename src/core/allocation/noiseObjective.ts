/**
 * Noise-aware allocation: the paper's objective is linear in the bits, but noise falls as 4^-bits. Here the noise that
 * was measured is minimised: sum_i w_i eps_i(b_i), with w_i = 1 or the OMPQ importance.
 */
import { ProblemError } from '../problem/limits';
import type { Allocation, AllocationProblem, Choice, Width } from '../problem/problem';
import { allocateByValue, type AllocateOptions } from './allocation';

/**
 * noise-aware: w_i = 1. orthogonality-noise: w_i = the candidate's weight, which should be the importance of gamma
 * normalised to the depth of the network (`importance(..., { normalised: true })`): e^(-beta gamma) as it is spans so
 * many orders of magnitude in deep networks that it forgets the noise.
 */
export type NoiseObjective = 'noise-aware' | 'orthogonality-noise';

/**
 * Minimises sum_i w_i noise_i(b_i) within all budgets, exactly. In the certificate, objective and bound are of that
 * sum, so the bound lies below.
 * @param problem every choice has its `noise`
 * @throws InfeasibleBudgetError, ProblemError, SolverError
 */
export function allocateNoiseAware(
  problem: AllocationProblem,
  objective: NoiseObjective,
  options: AllocateOptions = {},
): Allocation {
  return minimise(problem, noiseOf(objective), options);
}

/**
 * The inverse question: the smallest file that keeps all budgets, one of which should be on noise.
 * Objective and bound are in bytes, without the fixed ones.
 * @throws InfeasibleBudgetError, ProblemError, SolverError
 */
export function smallestFile(problem: AllocationProblem, options: AllocateOptions = {}): Allocation {
  return minimise(problem, (_, { bytes }) => bytes, options);
}

/** What a choice adds to the noise. @throws ProblemError where it is not known or the weight is negative */
export function noiseOf(objective: NoiseObjective): (candidate: Width, choice: Choice) => number {
  return ({ name, weight }, { noise, bits }) => {
    if (noise === undefined || !(noise >= 0)) {
      throw new ProblemError(`The noise of ${name} at ${bits} bits is ${noise ?? 'not known'}.`);
    }
    if (objective === 'noise-aware') return noise;
    if (!(weight >= 0))
      throw new ProblemError(`The importance of ${name} must not be negative, as ${weight} is.`);
    return weight * noise;
  };
}

function minimise(
  problem: AllocationProblem,
  costOf: (candidate: Width, choice: Choice) => number,
  options: AllocateOptions,
): Allocation {
  const allocation = allocateByValue(problem, (candidate, choice) => -costOf(candidate, choice), options);
  const { objective, bound } = allocation.solver;
  // 0 - x: of nothing there is 0, not -0.
  return { ...allocation, solver: { ...allocation.solver, objective: 0 - objective, bound: 0 - bound } };
}
