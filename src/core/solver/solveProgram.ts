/** One door to the solvers, for any number of limits. */
import { mostValuable, totalOf } from './greedy';
import { type Highs, solveByHighs } from './highsSolver';
import { type Dual, solveDual } from './lagrangian';
import type { Program } from '../problem/program';
import { coarsest, dropUseless } from './reduce';
import { type Search, searchStates } from './stateSearch';

export interface SolveOptions {
  /** Clock reading (performance.now) at which to stop. */
  deadline: number;
  /** Asked for programs with several limits that the state search does not close. */
  highs?: Highs;
  /** A solution to start from. */
  near?: Int32Array;
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
  const dual = solveDual(reduced);
  const near = options.near && within(program, useful, options.near);
  let limits = [...dual.prices.keys()].filter((m) => dual.prices[m] > 0);
  for (;;) {
    const answer = solveWith(reduced, limits, { ...options, near }, dual);
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

/** A solution in the options that were kept: an option that was not has one that beats it. */
function within(program: Program, useful: Program, options: Int32Array): Int32Array {
  return options.map((o, g) => {
    const [all, kept] = [program.groups[g], useful.groups[g]];
    return kept.value.findIndex(
      (value, k) => value >= all.value[o] && kept.use.every((row, m) => row[k] <= all.use[m][o]),
    );
  });
}

/** The answer under some of the limits. @param dual under all of them */
function solveWith(
  program: Program,
  limits: number[],
  { deadline, highs, near }: SolveOptions,
  dual: Dual,
): Search {
  if (limits.length === 0) {
    const options = mostValuable(program);
    const { value } = totalOf(program, options);
    return { options, value, bound: value, isProven: true };
  }
  const part: Program = {
    groups: program.groups.map((group) => ({ ...group, use: limits.map((m) => group.use[m]) })),
    capacity: Float64Array.from(limits, (m) => program.capacity[m]),
  };
  const known = { deadline, near, dual: limits.length === program.capacity.length ? dual : undefined };
  if (limits.length === 1) return searchStates(part, { maxStates: 2 ** 17, ...known });
  // With several limits a state costs more; HiGHS, where there is one, is better than a long search.
  const search = searchStates(part, { maxStates: highs ? 2 ** 11 : 2 ** 15, ...known });
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
