/** A table with one function a row, for spreadsheets. */
import { parse } from 'csv-parse/sync';
import { FormatError } from '../errors';
import { type Format } from '../format';
import { widthOf } from '../json';
import { functionBits } from '../layers';

const HEAD = ['function', 'layers', 'bits', 'params', 'bytes', 'gamma', 'importance'];

export const csv: Format = {
  id: 'csv',
  title: 'CSV',
  use: 'spreadsheets',
  suffix: '.bits.csv',

  write({ config }) {
    const rows = config.functions.map((f) => [
      f.name,
      f.layers.join(' '),
      f.bits,
      f.params,
      f.bytes,
      f.gamma,
      f.importance,
    ]);
    const lines = [HEAD, ...rows].map((row) => row.map(field).join(','));
    return { content: `${lines.join('\n')}\n`, warnings: [] };
  },

  read(text, { network }) {
    let rows: Record<string, string>[];
    try {
      rows = parse(text, { columns: true, bom: true, skip_empty_lines: true, trim: true });
    } catch (error) {
      throw new FormatError(`is no CSV table: ${(error as Error).message}.`);
    }
    if (rows.length === 0 || !('function' in rows[0] && 'bits' in rows[0])) {
      throw new FormatError('needs a table with the columns "function" and "bits".');
    }
    const names = new Set(network.functions.map((f) => f.name));
    const found = new Map(
      rows.map((row) => [row.function, widthOf(row.bits === '' ? null : Number(row.bits), row.function)]),
    );
    return functionBits(found, (name) => (names.has(name) ? [name] : []));
  },
};

/** A cell, quoted where it must be. */
function field(value: string | number): string {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
