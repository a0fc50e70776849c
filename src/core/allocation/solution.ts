/** From a solver's answer to an allocation that has been checked. */
import { formulate, type Value, type Formulation } from '../problem/program';
import type { Allocation, AllocationProblem, Choice } from '../problem/problem';
import { storageCode } from '../../common/storageCode';

/** The solver has no answer, or one that breaks a limit and is not handed on. */
export class SolverError extends Error {
  override name = 'SolverError';
}

/** Whether every group has one option and every limit holds, in whole numbers. */
export function isFeasible({ program }: Formulation, options: Int32Array): boolean {
  const { groups, capacity } = program;
  if (options.length !== groups.length) return false;
  if (!options.every((o, g) => Number.isInteger(o) && o >= 0 && o < groups[g].value.length)) return false;
  return capacity.every((most, m) => groups.reduce((sum, { use }, g) => sum + use[m][options[g]], 0) <= most);
}

/**
 * Widens functions while that costs no value and fits: most value first, then the smallest step.
 * Only optima with zero weights, or with weights too small for the solver to tell from zero, change.
 */
export function spendRest(
  problem: AllocationProblem,
  { program, members, picks }: Formulation,
  start: Int32Array,
): Int32Array {
  const { groups, capacity } = program;
  const options = Int32Array.from(start);
  const left = capacity.map((most, m) =>
    groups.reduce((rest, { use }, g) => rest - use[m][options[g]], most),
  );
  const bitsOf = (g: number, o: number): number =>
    problem.candidates[members[g][0]].choices[picks[g][o][0]].bits;
  for (;;) {
    let best = { g: -1, o: -1, gain: -1, bits: 0 };
    groups.forEach(({ value, use }, g) => {
      const now = options[g];
      for (let o = 0; o < value.length; o++) {
        const more = bitsOf(g, o) - bitsOf(g, now);
        const gain = value[o] - value[now];
        if (more <= 0 || gain < 0 || !use.every((row, m) => row[o] - row[now] <= left[m])) continue;
        if (gain > best.gain || (gain === best.gain && more < best.bits)) best = { g, o, gain, bits: more };
      }
    });
    if (best.g < 0) return options;
    groups[best.g].use.forEach((row, m) => (left[m] -= row[best.o] - row[options[best.g]]));
    options[best.g] = best.o;
  }
}

/**
 * The answer in the problem's terms, with `valueOf` maximised.
 * @param answer options of the program; @param start clock reading
 * @throws SolverError where the answer breaks a limit
 */
export function toAllocation(
  problem: AllocationProblem,
  formulation: Formulation,
  { options, bound, isProven }: { options: Int32Array; bound: number; isProven: boolean },
  valueOf: Value,
  start: number,
): Allocation {
  if (!isFeasible(formulation, options)) {
    throw new SolverError('The solver returned an allocation beyond its limits.');
  }
  const choices = choicesOf(formulation, options);
  const terms = problem.candidates.map((c, i) => valueOf(c, c.choices[choices[i]], i));
  const objective = terms.reduce((a, b) => a + b, 0);
  const best = Math.max(objective, bound * formulation.scale);
  const size = terms.reduce((sum, term) => sum + Math.abs(term), 0);
  return {
    ...totals(problem, choices),
    solver: {
      status: isProven ? 'optimal' : 'feasible',
      objective,
      bound: best,
      gap: best === objective ? 0 : (best - objective) / size,
      milliseconds: performance.now() - start,
    },
  };
}

/**
 * What given bits (see storageCode) come to, checked in whole numbers: allowed widths, ties, every limit.
 * @throws SolverError where they break one
 */
export function checkedTotals(
  problem: AllocationProblem,
  bits: readonly number[],
): Omit<Allocation, 'solver'> {
  const formulation = formulate(problem, () => 0);
  const { members, picks } = formulation;
  const { candidates } = problem;
  const options = Int32Array.from(members, (group, g) =>
    picks[g].findIndex((chosen) =>
      group.every((i, k) => codeOf(candidates[i].choices[chosen[k]]) === bits[i]),
    ),
  );
  if (!isFeasible(formulation, options)) throw new SolverError('These bits break one of the limits.');
  return totals(problem, choicesOf(formulation, options));
}

/** Whether bits that nobody has solved for are an answer to the problem. */
export function keepsLimits(problem: AllocationProblem, bits: readonly number[]): boolean {
  try {
    checkedTotals(problem, bits);
    return true;
  } catch (error) {
    if (error instanceof SolverError) return false;
    throw error;
  }
}

/** Width and group of every candidate; see storageCode. */
export function codesOf({ bits, groups }: Pick<Allocation, 'bits' | 'groups'>): number[] {
  return bits.map((width, i) => storageCode(width, groups?.[i]));
}

export function codeOf({ bits, group }: Pick<Choice, 'bits' | 'group'>): number {
  return storageCode(bits, group);
}

/** What a choice for every candidate comes to. */
export function totals(
  { candidates, fixedBytes }: AllocationProblem,
  choices: number[],
): Omit<Allocation, 'solver'> {
  const chosen = candidates.map((c, i) => c.choices[choices[i]]);
  const params = candidates.reduce((sum, c) => sum + c.params, 0);
  const bits = chosen.reduce(
    (sum, choice, i) => sum + choice.bits * candidates[i].params + (choice.groupBits ?? 0),
    0,
  );
  return {
    bits: chosen.map((choice) => choice.bits),
    ...(chosen.some((choice) => choice.group) ? { groups: chosen.map((choice) => choice.group ?? 0) } : {}),
    ...(chosen.some((choice) => choice.activationBits !== undefined)
      ? { activationBits: chosen.map((choice) => choice.activationBits ?? 32) }
      : {}),
    choices,
    sizeBytes: chosen.reduce((sum, { bytes }) => sum + bytes, fixedBytes),
    averageBits: params > 0 ? bits / params : 0,
  };
}

/** Per group the option that gives its members these choices; -1: none does. The inverse of choicesOf. */
export function optionsOf({ members, picks }: Formulation, choices: readonly number[]): Int32Array {
  return Int32Array.from(members, (group, g) =>
    picks[g].findIndex((chosen) => group.every((i, k) => chosen[k] === choices[i])),
  );
}

/** Per candidate the index of its choice, from one option per group. */
export function choicesOf({ members, picks }: Formulation, options: Int32Array): number[] {
  const choices: number[] = [];
  members.forEach((group, g) => group.forEach((i, k) => (choices[i] = picks[g][options[g]][k])));
  return choices;
}
