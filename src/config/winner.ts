/** A contest's winner that was found by measuring, and no program answers: when it still stands. Page and extension share it. */
import { valueOf, type FixedObjective, type AllocationInputs } from '../core/allocation/objectives';
import type { Allocation } from '../core/problem/problem';
import { checkedTotals, codesOf, keepsLimits } from '../core/allocation/solution';
import { sameBits, sameQuestion, type Question } from './measured';
import type { Config, Contest, ContestEntry } from './types';

/** Ends the name of what swaps have made of a candidate. */
export const IMPROVED = ', improved';

/** The candidate of that name; default: the one that the config holds. */
export function winnerOf(
  contest: Contest | null | undefined,
  name: string | null = contest?.chosen ?? null,
): ContestEntry | null {
  return contest?.candidates.find((entry) => entry.name === name) ?? null;
}

/**
 * Is the contest about what is asked now? A contest that does not say what it was asked counts where the program's
 * answer by the winner's objective is one of its own entries again.
 */
function isAbout(
  contest: Contest,
  asked: Question,
  winner: ContestEntry,
  solved: readonly number[],
): boolean {
  if (contest.asked) return sameQuestion(contest.asked, asked);
  return contest.candidates.some(
    (entry) =>
      entry.objective === winner.objective && entry.beta === winner.beta && sameBits(entry.bits, solved),
  );
}

/**
 * The measured bits of the winner in place of the program's answer by its objective, as long as the contest is about the
 * same question and the bits keep every limit and lock; else the program's answer.
 * @param solved by the winner's objective
 */
export function withWinner(
  solved: Allocation,
  material: AllocationInputs,
  { contest, winner, asked }: { contest: Contest; winner: ContestEntry; asked: Question },
): Allocation {
  const { problem, gamma, scoring } = material;
  const codes = codesOf(winner);
  if (sameBits(codes, codesOf(solved)) || !isAbout(contest, asked, winner, solved.bits)) return solved;
  if (!keepsLimits(problem, codes)) return solved;
  const totals = checkedTotals(problem, codes);
  const value = valueOf(winner.objective, gamma, { ...scoring, beta: winner.beta ?? scoring.beta });
  const objective = Math.abs(
    problem.candidates.reduce((sum, c, i) => sum + value(c, c.choices[totals.choices[i]], i), 0),
  );
  const { bound, milliseconds } = solved.solver;
  const gap = Math.abs(bound - objective) / Math.max(1e-300, objective);
  return { ...totals, solver: { status: 'feasible', objective, bound, gap, milliseconds } };
}

/** The objective that made the bits: for 'auto' its contest's winner's. */
export function decidedBy({ allocation, contest }: Pick<Config, 'allocation' | 'contest'>): FixedObjective {
  const { objective } = allocation;
  return objective === 'auto' ? (winnerOf(contest)?.objective ?? 'orthogonality') : objective;
}

/** Do the bits depend on the scores? Else other samples to score say nothing about how sure they are. */
export function looksAtScores(config: Pick<Config, 'allocation' | 'contest'>): boolean {
  const objective = decidedBy(config);
  return objective === 'orthogonality' || objective === 'orthogonality-noise';
}
