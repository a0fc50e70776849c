/** One door to the solvers, for any number of limits. */
import { mostValuable, totalOf } from './greedy';
import { type Dual, solveDual } from './lagrangian';
import type { Program } from '../problem/program';
import { coarsest, dropUseless } from './reduce';
import { type Search, searchStates } from './stateSearch';

export interface SolveOptions {
  /** Clock reading (performance.now) at which to stop. */
  deadline: number;
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
function solveWith(program: Program, limits: number[], { deadline, near }: SolveOptions, dual: Dual): Search {
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
  // With several limits a state costs more.
  return searchStates(part, { maxStates: limits.length === 1 ? 2 ** 17 : 2 ** 15, ...known });
}
