/** The allocation everything is compared with: one width for all functions. */
import { formulate } from '../problem/program';
import type { Allocation, AllocationProblem } from '../problem/problem';
import { choicesOf, isFeasible, totals } from './solution';

/**
 * The largest single width that keeps all budgets. Pinned and locked functions keep theirs; a function that cannot take
 * the width takes its next lower one, or its lowest. What is left of the budget stays unspent: with it the allocation
 * would not be uniform any more. Null where no single width keeps them.
 * @throws ProblemError
 */
export function allocateUniform(problem: AllocationProblem): Omit<Allocation, 'solver'> | null {
  const formulation = formulate(problem, () => 0);
  const { program, members, picks } = formulation;
  const { candidates } = problem;
  const bitsOf = (g: number, option: number): number => {
    const [first] = members[g];
    return candidates[first].choices[picks[g][option][0]].bits;
  };
  const widths = new Set(candidates.flatMap((c) => (c.fixedBy ? [] : c.choices.map(({ bits }) => bits))));
  const falling: number[] = [...widths].sort((a, b) => b - a);
  // Where everything is fixed there is one allocation, whatever the width.
  for (const width of falling.length > 0 ? falling : [0]) {
    const options = Int32Array.from(program.groups, ({ value }, g) => {
      const byBits = [...value.keys()].sort((a, b) => bitsOf(g, a) - bitsOf(g, b));
      // Of several ways to store a width, the plain one comes first.
      const widest = byBits.filter((o) => bitsOf(g, o) <= width).at(-1) ?? byBits[0] ?? -1;
      return byBits.find((o) => bitsOf(g, o) === bitsOf(g, widest)) ?? -1;
    });
    if (isFeasible(formulation, options)) return totals(problem, choicesOf(formulation, options));
  }
  return null;
}
