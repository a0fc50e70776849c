/** javascript-lp-solver behind a typed door: the only file that knows its model format. */
import solver from 'javascript-lp-solver';

/** maximise objective x  s.t.  coefficients x <= most for every row, x >= 0 except where free. */
export interface LinearProgram {
  objective: number[];
  rows: { coefficients: number[]; most: number }[];
  /** Indices of variables that may be negative. */
  free: number[];
}

/** @returns x, within the solver's tolerances only (check what matters); null where it finds no optimum */
export function solveLp({ objective, rows, free }: LinearProgram): Float64Array | null {
  const variables: Record<string, Record<string, number>> = {};
  objective.forEach((value, j) => {
    variables[`x${j}`] = { value };
    rows.forEach(({ coefficients }, r) => (variables[`x${j}`][`row${r}`] = coefficients[j]));
  });
  const answer = solver.Solve({
    optimize: 'value',
    opType: 'max',
    variables,
    constraints: Object.fromEntries(rows.map(({ most }, r) => [`row${r}`, { max: most }])),
    unrestricted: Object.fromEntries(free.map((j) => [`x${j}`, 1 as const])),
  }) as Record<string, number | boolean | undefined>;
  if (answer.feasible !== true || answer.bounded === false) return null;
  return Float64Array.from(objective, (_, j) => Number(answer[`x${j}`] ?? 0));
}
