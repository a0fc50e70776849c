/** The allocation everything is compared with: one width for all functions. */
import { formulate } from '../problem/program';
import type { Allocation, AllocationProblem } from '../problem/problem';
import { choicesOf, isFeasible, totals } from './solution';

/**
 * The largest single width that keeps all budgets, and the next larger one for as many functions as fit, the smallest first:
 * compared at the size of the others. Pinned and locked functions keep theirs; a function that cannot take the width takes its
 * next lower one, or its lowest. Null where no single width keeps them.
 * @throws ProblemError
 */
export function allocateUniform(problem: AllocationProblem): Omit<Allocation, 'solver'> | null {
  const formulation = formulate(problem, () => 0);
  const { program, members, picks } = formulation;
  const { candidates } = problem;
  const paramsOf = (g: number): number => members[g].reduce((sum, i) => sum + candidates[i].params, 0);
  const bySize = program.groups.map((_, g) => g).sort((a, b) => paramsOf(a) - paramsOf(b));
  const bitsOf = (g: number, option: number): number => {
    const [first] = members[g];
    return candidates[first].choices[picks[g][option][0]].bits;
  };
  const widths = new Set(candidates.flatMap((c) => (c.fixedBy ? [] : c.choices.map(({ bits }) => bits))));
  const falling: number[] = [...widths].sort((a, b) => b - a);
  const optionOf = (g: number, width: number): number => {
    const byBits = [...program.groups[g].value.keys()].sort((a, b) => bitsOf(g, a) - bitsOf(g, b));
    // Of several ways to store a width, the plain one comes first.
    const widest = byBits.filter((o) => bitsOf(g, o) <= width).at(-1) ?? byBits[0] ?? -1;
    return byBits.find((o) => bitsOf(g, o) === bitsOf(g, widest)) ?? -1;
  };
  // Where everything is fixed there is one allocation, whatever the width.
  for (const [step, width] of (falling.length > 0 ? falling : [0]).entries()) {
    let options = Int32Array.from(program.groups, (_, g) => optionOf(g, width));
    if (!isFeasible(formulation, options)) continue;
    for (const g of step > 0 ? bySize : []) {
      const wider = options.slice();
      wider[g] = optionOf(g, falling[step - 1]);
      if (isFeasible(formulation, wider)) options = wider;
    }
    return totals(problem, choicesOf(formulation, options));
  }
  return null;
}
