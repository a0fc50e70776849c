/** A contest's winner that was found by trying, and no program answers: when it still stands. Page and extension share it. */
import type { Contest, ContestEntry } from './types';

/** The candidate that the config holds. */
export function winnerOf(contest: Contest | null | undefined, name: string | null): ContestEntry | null {
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
