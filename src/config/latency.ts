/** Run time per function and width, from a table that somebody measured: JSON or CSV. */
import { parse } from 'csv-parse/sync';
import { SettingsError } from '../core/allocation/buildProblem';
import { BIT_WIDTHS } from '../core/problem/widths';
import type { Named } from './rules';

/** Milliseconds for one sample. */
export interface LatencyTable {
  /** What has no bits. */
  rest: number;
  /** By the name of a function, or of one of its nodes, and by width. */
  functions: Record<string, Record<string, number>>;
}

/**
 * JSON ({"rest": 0.2, "functions": {"conv1": {"8": 0.1, "32": 0.3}}}), or CSV with the
 * columns function, bits, milliseconds, in which "rest" without bits is what has none.
 * @throws SettingsError that names the file and the place
 */
export function parseLatencyTable(text: string, file: string): LatencyTable {
  const table = /^\s*\{/.test(text) ? fromJson(text, file) : fromCsv(text, file);
  for (const [name, times] of Object.entries(table.functions)) {
    for (const [width, time] of Object.entries(times)) {
      const isWidth = (BIT_WIDTHS as readonly number[]).includes(Number(width));
      if (!isWidth || !isTime(time)) {
        throw new SettingsError(
          `${file}: "${name}" at ${width} bits: ${time} is no time of a width that can be stored.`,
        );
      }
    }
  }
  if (!isTime(table.rest)) throw new SettingsError(`${file}: "rest" must be a time in milliseconds.`);
  return table;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function fromJson(text: string, file: string): LatencyTable {
  let value: Partial<LatencyTable>;
  try {
    value = JSON.parse(text) as Partial<LatencyTable>;
  } catch (error) {
    throw new SettingsError(`${file} is not valid JSON: ${(error as Error).message}.`);
  }
  const { rest = 0, functions } = value;
  const isTable =
    typeof functions === 'object' &&
    functions !== null &&
    Object.values(functions).every((times) => typeof times === 'object' && times !== null);
  if (!isTable) {
    throw new SettingsError(
      `${file} has no table of times: {"rest": 0.2, "functions": {"conv1": {"8": 0.1}}}.`,
    );
  }
  return { rest, functions };
}

function fromCsv(text: string, file: string): LatencyTable {
  const [head = [], ...rows] = cellsOf(text, file);
  if (head.join().toLowerCase() !== 'function,bits,milliseconds') {
    throw new SettingsError(
      `${file} is no table of times: its first line must be "function,bits,milliseconds".`,
    );
  }
  const table: LatencyTable = { rest: 0, functions: {} };
  for (const [i, [name, bits, time, ...more]] of rows.entries()) {
    if (!name || time === undefined || time === '' || more.length > 0 || !isTime(Number(time))) {
      throw new SettingsError(`${file}, line ${i + 2}, is not "function,bits,milliseconds".`);
    }
    if (bits === '') table.rest += Number(time);
    else table.functions[name] = { ...table.functions[name], [bits]: Number(time) };
  }
  return table;
}

function cellsOf(text: string, file: string): string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, trim: true, relax_column_count: true });
  } catch (error) {
    throw new SettingsError(`${file} is not a valid CSV file: ${(error as Error).message}.`);
  }
}

/**
 * Per function, the time at every width. A width that the table lacks runs as the next wider one that it has.
 * @throws SettingsError for a function that the table does not have
 */
export function timesOf(
  functions: readonly Named[],
  { functions: table }: LatencyTable,
): Record<number, number>[] {
  return functions.map(({ name, layers }) => {
    const own = Object.hasOwn(table, name)
      ? [table[name]]
      : layers.flatMap(({ node }) => (Object.hasOwn(table, node) ? [table[node]] : []));
    if (own.length === 0) {
      throw new SettingsError(`The table of run times has neither "${name}" nor one of its nodes.`);
    }
    const at = (bits: number): number => own.reduce((sum, times) => sum + wider(times, bits), 0);
    return Object.fromEntries<number>(
      BIT_WIDTHS.map((bits) => [bits, at(bits)] as const).filter(([, time]) => !Number.isNaN(time)),
    );
  });
}

function wider(times: Readonly<Record<string, number>>, bits: number): number {
  const width = BIT_WIDTHS.find((each) => each >= bits && times[each] !== undefined);
  return width === undefined ? NaN : times[String(width)];
}
