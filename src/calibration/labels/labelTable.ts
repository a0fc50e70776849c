/** A table of files and their labels, as spreadsheets, data sets and scripts write it. */
import { parse } from 'csv-parse/sync';
import { DataError, firstLine } from '../inputs/errors';
import type { FileFinder } from './fileFinder';

const FILE_COLUMNS = [
  'file',
  'filename',
  'file_name',
  'files',
  'filepath',
  'file_path',
  'image',
  'image_id',
  'imageid',
  'image_name',
  'image_path',
  'images',
  'img',
  'img_name',
  'img_path',
  'picture',
  'path',
  'id',
  'name',
];
/** Numbers before names, where a table has both. */
const LABEL_COLUMNS = [
  'label',
  'labels',
  'class_id',
  'classid',
  'class_index',
  'class_idx',
  'label_id',
  'label_idx',
  'label_index',
  'target',
  'category_id',
  'class',
  'class_name',
  'classname',
  'label_name',
  'category',
  'synset',
  'wnid',
  'y',
];
const SEPARATORS = [',', ';', '\t', '|'];
/** Rows that are looked at to tell which column names files. */
const LOOKED_AT = 50;

/**
 * Rows of cells; the separator is the one of comma, semicolon, tab and bar that the first line has most of, or blanks
 * where it has none. Remarks (# ...) above them are left out. @throws DataError
 */
export function parseTable(text: string, path: string): string[][] {
  const plain = text.replace(/^(?:\s*#\s.*\r?\n)+/, '').replace(/^\s*sep=(.)\r?\n/i, '');
  try {
    return parse(plain, {
      bom: true,
      delimiter: separatorOf(plain),
      skip_empty_lines: true,
      relax_column_count: true,
      trim: true,
    });
  } catch (error) {
    throw new DataError(`${path} is not a valid CSV file (${firstLine(error)}); write lines of file,label.`);
  }
}

function separatorOf(text: string): string {
  const line = (/[^\r\n]+/.exec(text)?.[0] ?? '').replace(/"(?:[^"]|"")*"/g, '""');
  const counts = SEPARATORS.map((separator) => line.split(separator).length - 1);
  const most = Math.max(...counts);
  return most > 0 ? SEPARATORS[counts.indexOf(most)] : ' ';
}

/** Columns that divide data into parts, not into classes. */
const PART = /train|valid|test|split|fold/i;

/** A table with a column of 0 and 1 for each class, as one of file and class number; any other as it is. */
export function oneHotAsNumbers(rows: string[][]): string[][] {
  const [names, ...body] = rows;
  const file = names?.findIndex((name) => FILE_COLUMNS.includes(name.toLowerCase())) ?? -1;
  if (file === -1 || names.length < 3 || body.length === 0 || names.some((name) => PART.test(name)))
    return rows;
  const labelled: string[][] = [[names[file], 'label']];
  for (const row of body) {
    const marks = row.filter((_, i) => i !== file).map(Number);
    const isOne = marks.every((mark) => mark === 0 || mark === 1) && marks.filter(Boolean).length === 1;
    if (!isOne || row.length !== names.length) return rows;
    labelled.push([row[file], String(marks.indexOf(1))]);
  }
  return labelled;
}

export interface LabelColumns {
  file: number;
  label: number;
  /** Does the first row name the columns? */
  header: boolean;
}

/** Which columns hold files and labels: by the names in the first row, else by which cells name files that are there. */
export function findColumns(rows: string[][], find: FileFinder): LabelColumns | null {
  if (rows.length === 0) return null;
  const names = rows[0].map((name) => name.toLowerCase().replace(/[\s-]+/g, '_'));
  const body = rows.slice(1);
  const file = names.findIndex((name) => FILE_COLUMNS.includes(name));
  const labels = names.flatMap((name, i) => (LABEL_COLUMNS.includes(name) ? [i] : []));
  if (file !== -1 && labels.length > 0) {
    const label = labels.find((i) => body.every((row) => /^\d*$/.test(row[i] ?? ''))) ?? labels[0];
    return { file, label, header: true };
  }
  const some = rows.slice(0, LOOKED_AT + 1);
  const hits = names.map((_, i) => some.filter((row) => find(row[i] ?? '') !== undefined).length);
  const most = Math.max(...hits);
  const byContent = hits.indexOf(most);
  const header = find(rows[0][byContent]) === undefined;
  const others = names.flatMap((_, i) => (i === byContent ? [] : [i]));
  // With several columns of unknown names, nothing tells which is the label.
  const label = labels.find((i) => i !== byContent) ?? (others.length === 1 ? others[0] : undefined);
  if (most > 0 && label !== undefined) return { file: byContent, label, header };
  return names.length === 2 && most === 0 && !body.some((row) => row.length !== 2)
    ? { file: 0, label: 1, header: false }
    : null;
}
