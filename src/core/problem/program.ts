/**
 * The allocation problem as the solvers see it, a multiple-choice knapsack with any number of limits: of each group one
 * option, maximise the sum of values, keep every limit's sum of uses within its capacity.
 */
import { isAllowed, limitRows, ProblemError, type Row } from './limits';
import type { AllocationProblem, Choice, Width } from './problem';
import { storageCode } from '../../common/storageCode';

export interface Group {
  /** Per option, scaled so that the largest |value| of the program is 1. */
  value: Float64Array;
  /** use[limit][option], whole numbers. */
  use: Float64Array[];
  /** Which of the original group's options these are. */
  option: Int32Array;
}

export interface Program {
  groups: Group[];
  /** Per limit. */
  capacity: Float64Array;
}

/** How a program was made of a problem, and the way back. */
export interface Formulation {
  program: Program;
  rows: Row[];
  /** members[g]: the candidates that group g decides for (tied ones together). */
  members: number[][];
  /** picks[g][option][k]: index of the choice that the k-th member takes. */
  picks: number[][][];
  /** objective = scale x (sum of the program's values). */
  scale: number;
}

/** What a choice is worth to its candidate; the sum is maximised. */
export type Value = (candidate: Width, choice: Choice, index: number) => number;

/** @throws ProblemError for a problem that is none: no candidates, no choices, numbers that are not finite */
export function formulate(problem: AllocationProblem, valueOf: Value): Formulation {
  const { candidates } = problem;
  const rows = limitRows(problem);
  const members = groupTied(candidates, problem.ties);
  const picks = members.map((group) => commonPicks(problem, group));
  const raw = members.map((group, g): Group => {
    const options = picks[g];
    const sum = (cost: (candidate: Width, choice: Choice, i: number) => number): Float64Array =>
      Float64Array.from(options, (chosen) =>
        group.reduce((total, i, k) => total + cost(candidates[i], candidates[i].choices[chosen[k]], i), 0),
      );
    return {
      value: sum(valueOf),
      use: rows.map((row) => sum((candidate, choice) => row.use(candidate, choice))),
      option: Int32Array.from(options, (_, o) => o),
    };
  });
  if (!raw.every(({ value }) => value.every(Number.isFinite))) {
    throw new ProblemError('The importance of every function must be a finite number.');
  }
  const scale =
    raw.reduce((most, { value }) => value.reduce((a, v) => Math.max(a, Math.abs(v)), most), 0) || 1;
  const groups = raw.map((group) => ({ ...group, value: group.value.map((v) => v / scale) }));
  checkRange(groups, rows);
  return {
    program: { groups, capacity: Float64Array.from(rows, (r) => r.capacity) },
    rows,
    members,
    picks,
    scale,
  };
}

/** Sums of uses must stay exact in float64. */
function checkRange(groups: Group[], rows: Row[]): void {
  rows.forEach(({ budget }, m) => {
    const most = groups.reduce((sum, group) => sum + group.use[m].reduce((a, b) => Math.max(a, b), 0), 0);
    if (most > Number.MAX_SAFE_INTEGER) {
      throw new ProblemError(
        `The numbers of the limit on ${budget.kind} are too large to be added up exactly.`,
      );
    }
  });
}

/** Candidates in order, tied ones (also by way of a third) in one group. */
function groupTied(candidates: Width[], ties: number[][]): number[][] {
  if (candidates.length === 0) throw new ProblemError('There are no functions to allocate bits to.');
  const root = candidates.map((_, i) => i);
  const find = (i: number): number => (root[i] === i ? i : (root[i] = find(root[i])));
  for (const tie of ties) {
    for (const i of tie) {
      if (!(i in candidates)) throw new ProblemError(`There is no function ${i} to tie to others.`);
      const [a, b] = [find(tie[0]), find(i)];
      root[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const groups = new Map<number, number[]>();
  candidates.forEach((_, i) => groups.set(find(i), [...(groups.get(find(i)) ?? []), i]));
  return [...groups.values()];
}

/** The settings that every member can take, as indices into the members' choices. */
function commonPicks(problem: AllocationProblem, members: number[]): number[][] {
  const { candidates } = problem;
  const key = ({ bits, group, activationBits }: Choice): string =>
    `${storageCode(bits, group)}/${activationBits ?? ''}`;
  const tables = members.map(
    (i) => new Map(candidates[i].choices.map((choice, index) => [key(choice), index])),
  );
  const keys = [...tables[0].keys()].filter((k) => tables.every((table) => table.has(k)));
  if (keys.length === 0) {
    const names = members.map((i) => candidates[i].name).join(', ');
    throw new ProblemError(
      members.length === 1
        ? `The function ${names} has no choices.`
        : `The functions ${names} share their weights but have no width in common.`,
    );
  }
  return keys
    .map((k) => tables.map((table) => table.get(k) as number))
    .filter((chosen) =>
      chosen.every((c, k) => isAllowed(problem, candidates[members[k]], candidates[members[k]].choices[c])),
    );
}
