/** A contest's winner that was found by trying, and no program answers: when it still stands. Page and extension share it. */
import type { FixedObjective } from '../core/allocation/objectives';
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
 * Does the winner stand in for `solved`, the program's answer by the winner's objective? As long as the contest is about
 * the same problem, that is, its own entry of that objective has just been found again.
 */
export function standsIn(contest: Contest, winner: ContestEntry, solved: readonly number[]): boolean {
  const isSolved = (bits: readonly number[]): boolean => bits.every((b, i) => b === solved[i]);
  return (
    !isSolved(winner.bits) &&
    contest.candidates.some(
      (entry) => entry.objective === winner.objective && entry.beta === winner.beta && isSolved(entry.bits),
    )
  );
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
