/**
 * HiGHS, a mixed-integer solver in WebAssembly, for what the state search does not close: many functions under several
 * limits that all bind. It is handed in by the caller, so that nothing here loads it:
 *
 *     const highs = await (await import('highs')).default();                                   // Node
 *     const highs = await loadHighs({ locateFile: (file) => `${folder}/${file}` });            // a browser or a bundle
 */
import type { Program } from '../problem/program';

/** The part of `import type { Highs } from 'highs'` that is used. */
export interface Highs {
  solve(
    problem: string,
    options?: Readonly<Record<string, string | number | boolean>>,
  ): { Status: string; Columns: Record<string, object> };
}

export interface HighsAnswer {
  /** Per group; in whole numbers, but not yet checked against the limits. Null where there is none. */
  options: Int32Array | null;
  isOptimal: boolean;
  isInfeasible: boolean;
}

/** The program with one binary per (group, option). */
export function solveByHighs(highs: Highs, program: Program, seconds: number): HighsAnswer {
  const answer = highs.solve(toLpText(program), {
    output_flag: false,
    time_limit: seconds,
    mip_rel_gap: 0,
    mip_abs_gap: 1e-10,
    // A use of 10^8 times a binary that is 10^-6 off would be hundreds of bytes.
    mip_feasibility_tolerance: 1e-9,
    primal_feasibility_tolerance: 1e-9,
  });
  return {
    options: chosen(program, answer.Columns),
    isOptimal: answer.Status === 'Optimal',
    isInfeasible: answer.Status === 'Infeasible',
  };
}

function chosen({ groups }: Program, columns: Record<string, { Primal?: number }>): Int32Array | null {
  const options = groups.map(({ value }, g) =>
    [...value.keys()].filter((o) => (columns[`x${g}_${o}`]?.Primal ?? 0) > 0.5),
  );
  return options.every((taken) => taken.length === 1) ? Int32Array.from(options, ([o]) => o) : null;
}

function toLpText({ groups, capacity }: Program): string {
  const sum = (factors: Float64Array[]): string =>
    factors
      .flatMap((row, g) =>
        Array.from(row, (factor, o) => `${factor < 0 ? '-' : '+'} ${Math.abs(factor)} x${g}_${o}`),
      )
      .join('\n ');
  return [
    'Maximize',
    ` value: ${sum(groups.map(({ value }) => value))}`,
    'Subject To',
    ...Array.from(capacity, (most, m) => ` limit${m}: ${sum(groups.map(({ use }) => use[m]))} <= ${most}`),
    ...groups.map(({ value }, g) => ` one${g}: ${Array.from(value, (_, o) => `+ x${g}_${o}`).join(' ')} = 1`),
    'Binary',
    ...groups.flatMap(({ value }, g) => Array.from(value, (_, o) => ` x${g}_${o}`)),
    'End',
  ].join('\n');
}
