/** By which objective a plan is solved, and what an allocation is worth under it. Pure; page and worker share it. */
import type { Contest, ContestEntry } from '../src/config/types';
import type { Decay } from '../src/core/scoring/importance';
import { valueOf } from '../src/core/allocation/objectives';
import type { Allocation, AllocationProblem } from '../src/core/problem/problem';
import type { Value } from '../src/core/problem/program';
import type { BitWidth } from '../src/core/problem/widths';
import type { Question } from '../src/config/measured';
import { winnerOf, withWinner } from '../src/config/winner';
import type { Plan } from './protocol';

export type Single = ContestEntry['objective'];

/** What the worker needs to solve by any objective. */
export interface Task {
  /** With the paper's importance as weights, and with noise where it was measured. */
  problem: AllocationProblem;
  gamma: Float64Array;
  objective: Single;
  decay: Decay;
  beta: number;
}

export function planWinner(
  plan: Pick<Plan, 'objective' | 'chosen'>,
  contest: Contest | null,
): ContestEntry | null {
  return plan.objective === 'auto' ? winnerOf(contest, plan.chosen) : null;
}

/** The objective itself: auto stands for that of the candidate it follows, or the paper's where there was no contest. */
export function effective(
  plan: Pick<Plan, 'objective' | 'chosen' | 'beta'>,
  contest: Contest | null,
): { objective: Single; beta: number } {
  if (plan.objective !== 'auto') return { objective: plan.objective, beta: plan.beta };
  const winner = planWinner(plan, contest);
  return { objective: winner?.objective ?? 'orthogonality', beta: winner?.beta ?? plan.beta };
}

export function isNoise(objective: Single): objective is 'noise-aware' | 'orthogonality-noise' {
  return objective === 'noise-aware' || objective === 'orthogonality-noise';
}

/** What a choice adds to the sum that is maximised. */
export function taskValue({ objective, gamma, decay, beta }: Task): Value {
  return valueOf(objective, gamma, { decay, beta });
}

/** The sum itself; NaN where a width is not among the choices. */
export function objectiveValue(task: Task, bits: readonly (BitWidth | null)[]): number {
  const value = taskValue(task);
  return task.problem.candidates.reduce((sum, candidate, i) => {
    const choice = candidate.choices.find((c) => c.bits === bits[i]);
    return choice ? sum + value(candidate, choice, i) : NaN;
  }, 0);
}

/** The program's answer, or the measured bits of the contest's candidate that the plan follows. */
export function improved(
  solved: Allocation,
  plan: Plan,
  contest: Contest | null,
  task: Task,
): Pick<Allocation, 'bits' | 'solver'> {
  const winner = planWinner(plan, contest);
  if (!winner || !contest) return solved;
  const { problem, gamma, decay, beta } = task;
  const material = { problem, gamma, scoring: { decay, beta } };
  return withWinner(solved, material, { contest, winner, asked: planQuestion(plan) });
}

export function planQuestion({ budget, widths, pins, limits }: Plan): Question {
  return { budget, widths, pin: pins, limits };
}
