/** One door to the solvers, for any number of limits. */
import { mostValuable, totalOf } from './greedy';
import { type Highs, solveByHighs } from './highsSolver';
import { solveDual } from './lagrangian';
import type { Program } from './program';
import { coarsest, dropUseless } from './reduce';
import { type Search, searchStates } from './stateSearch';

export interface SolveOptions {
  /** Clock reading (performance.now) at which to stop. */
  deadline: number;
  /** Asked for programs with several limits that the state search does not close. */
  highs?: Highs;
}

const NO_SOLUTION: Search = { options: null, value: -Infinity, bound: -Infinity, isProven: true };

/**
 * The best choice of options, in the numbering of `program`, and a bound.
 *
 * Limits that have no price in the Lagrangian optimum are left out at first and taken in when the answer overruns them:
 * what is best with fewer limits and keeps them all is best with all.
 */
export function solveProgram(program: Program, options: SolveOptions): Search {
  const useful = dropUseless(program);
  if (useful === null) return NO_SOLUTION;
  const reduced = coarsest(useful);
  const { prices } = solveDual(reduced);
  let limits = [...prices.keys()].filter((m) => prices[m] > 0);
  for (;;) {
    const answer = solveWith(reduced, limits, options);
    const { options: taken } = answer;
    if (taken === null) return answer;
    const total = totalOf(reduced, taken);
    const overrun = [...total.use.keys()].filter(
      (m) => total.use[m] > reduced.capacity[m] && !limits.includes(m),
    );
    if (overrun.length === 0) return { ...answer, options: taken.map((o, g) => useful.groups[g].option[o]) };
    limits = [...limits, ...overrun].sort((a, b) => a - b);
  }
}

/** The answer under some of the limits. */
function solveWith(program: Program, limits: number[], { deadline, highs }: SolveOptions): Search {
  if (limits.length === 0) {
    const options = mostValuable(program);
    const { value } = totalOf(program, options);
    return { options, value, bound: value, isProven: true };
  }
  const part: Program = {
    groups: program.groups.map((group) => ({ ...group, use: limits.map((m) => group.use[m]) })),
    capacity: Float64Array.from(limits, (m) => program.capacity[m]),
  };
  if (limits.length === 1) return searchStates(part, { maxStates: 2 ** 17, deadline });
  // With several limits a state costs more; HiGHS, where there is one, is better than a long search.
  const search = searchStates(part, { maxStates: highs ? 2 ** 11 : 2 ** 15, deadline });
  return highs && !search.isProven ? askHighs(highs, part, search, deadline) : search;
}

/** The better of the search's answer and that of HiGHS, which is believed no further than it can be checked. */
function askHighs(highs: Highs, program: Program, search: Search, deadline: number): Search {
  const seconds = Math.max(0.1, (deadline - performance.now()) / 1000);
  const { options, isOptimal, isInfeasible } = solveByHighs(highs, program, seconds);
  if (isInfeasible && search.options === null) return NO_SOLUTION;
  if (options === null) return search;
  const { use, value } = totalOf(program, options);
  if (!use.every((u, m) => u <= program.capacity[m])) return search;
  // HiGHS proves within its tolerances, and so does this bound.
  const bound = isOptimal
    ? Math.min(search.bound, value + 1e-10 * Math.max(1, Math.abs(value)))
    : search.bound;
  const better = value > search.value ? { options, value } : search;
  return { ...better, bound: Math.max(bound, better.value), isProven: isOptimal };
}
