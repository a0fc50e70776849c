/** Independent solutions of allocation problems: by trying everything, and by HiGHS. */
import type { Highs } from 'highs';
import type { AllocationProblem, Choice, Width } from '../../../src/core/problem/problem';

export type Score = (candidate: Width, choice: Choice, index: number) => number;

export const linear: Score = ({ weight }, { bits }) => weight * bits;

export interface Row {
  use: number[][];
  most: number;
}

/** The limits again, written down independently of src/core/limits.ts (no decimals in the average bits here). */
export function rowsOf({ candidates, budgets, ...fixed }: AllocationProblem): Row[] {
  return budgets.map((budget) => {
    const use = (of: (c: Width, choice: Choice) => number) =>
      candidates.map((c) => c.choices.map((x) => of(c, x)));
    switch (budget.kind) {
      case 'bytes':
        return { use: use((_, x) => x.bytes), most: budget.bytes - fixed.fixedBytes };
      case 'averageBits':
        return {
          use: use((c, x) => c.params * x.bits),
          most: Math.floor(budget.bits * candidates.reduce((sum, c) => sum + c.params, 0) + 1e-6),
        };
      case 'bops':
        return { use: use((_, x) => x.bops ?? NaN), most: budget.bops };
      case 'latency':
        return {
          use: use((_, x) => Math.ceil((x.milliseconds ?? NaN) * 1e6)),
          most: Math.floor(budget.milliseconds * 1e6) - Math.ceil((fixed.fixedMilliseconds ?? 0) * 1e6),
        };
      case 'noise':
        throw new Error('noise is compared as it is, not as a row');
      case 'activationBytes':
        return { use: use((_, x) => ((x.activationBytes ?? NaN) > budget.bytes ? 1 : 0)), most: 0 };
    }
  });
}

/** Whether an answer obeys everything. */
export function isWithin(problem: AllocationProblem, choices: number[]): boolean {
  const tied = problem.ties.every(
    (tie) => new Set(tie.map((i) => problem.candidates[i].choices[choices[i]].bits)).size === 1,
  );
  return (
    tied &&
    rowsOf(problem).every(({ use, most }) => use.reduce((sum, u, i) => sum + u[choices[i]], 0) <= most)
  );
}

/** The largest objective of all allocations; null where none is within the limits. */
export function bruteForce(
  problem: AllocationProblem,
  score: Score,
  isWanted: (choices: number[]) => boolean = () => true,
): number | null {
  const { candidates } = problem;
  let best: number | null = null;
  const choices = candidates.map(() => 0);
  const visit = (i: number, sum: number): void => {
    if (i === candidates.length) {
      if ((best === null || sum > best) && isWithin(problem, choices) && isWanted(choices)) best = sum;
      return;
    }
    candidates[i].choices.forEach((choice, k) => {
      choices[i] = k;
      visit(i + 1, sum + score(candidates[i], choice, i));
    });
  };
  visit(0, 0);
  return best;
}

/** HiGHS on one binary per (function, choice). @returns objective and HiGHS's own bound; null where infeasible */
export function byHighs(
  highs: Pick<Highs, 'solve'>,
  problem: AllocationProblem,
  score: Score,
  seconds = 5,
): { objective: number; optimal: boolean } | null {
  const { candidates } = problem;
  const name = (i: number, k: number) => `x${i}_${k}`;
  const sum = (terms: [number, string][]) =>
    terms.map(([a, x]) => `${a < 0 ? '-' : '+'} ${Math.abs(a)} ${x}`).join('\n ') || '0 x0_0';
  const all = candidates.flatMap((c, i) => c.choices.map((choice, k) => ({ c, i, k, choice })));
  const rows = rowsOf(problem).map(
    ({ use, most }, m) => ` limit${m}: ${sum(all.map(({ i, k }) => [use[i][k], name(i, k)]))} <= ${most}`,
  );
  const groups = candidates.map((c, i) => ` one${i}: ${sum(c.choices.map((_, k) => [1, name(i, k)]))} = 1`);
  const ties = problem.ties.flatMap((tie, t) =>
    tie.slice(1).map((i) => {
      const bits = (j: number, sign: number): [number, string][] =>
        candidates[j].choices.map((choice, k) => [sign * choice.bits, name(j, k)]);
      return ` tie${t}_${i}: ${sum([...bits(tie[0], 1), ...bits(i, -1)])} = 0`;
    }),
  );
  const lp = [
    'Maximize',
    ` value: ${sum(all.map(({ c, i, k, choice }) => [score(c, choice, i), name(i, k)]))}`,
    'Subject To',
    ...rows,
    ...groups,
    ...ties,
    'Binary',
    ...all.map(({ i, k }) => ` ${name(i, k)}`),
    'End',
  ].join('\n');
  const answer = highs.solve(lp, {
    output_flag: false,
    mip_rel_gap: 0,
    mip_abs_gap: 1e-9,
    time_limit: seconds,
  });
  if (answer.Status === 'Infeasible') return null;
  const columns = answer.Columns as Record<string, { Primal: number }>;
  const objective = all.reduce(
    (total, { c, i, k, choice }) => total + score(c, choice, i) * Math.round(columns[name(i, k)].Primal),
    0,
  );
  return { objective, optimal: answer.Status === 'Optimal' };
}
