/** Labels of pictures: folders named by class, or a CSV of file and label. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { cannotRead, DataError, firstLine } from '../inputs/errors';
import { compareText, type Listing } from '../inputs/walk';

export interface PictureSet {
  /** Relative paths, sorted. */
  files: string[];
  /** Class per file. */
  labels: Int32Array | null;
  classNames: string[] | null;
  warnings: string[];
}

const MAX_CSV_BYTES = 256 * 1024 * 1024;
/** Folders that divide data into parts, not into classes. */
const PARTS = new Set([
  'train',
  'training',
  'val',
  'valid',
  'validation',
  'test',
  'testing',
  'calib',
  'calibration',
  'images',
  'labels',
]);
const FILE_COLUMNS = ['file', 'filename', 'file_name', 'image', 'image_id', 'img', 'path', 'id', 'name'];
const LABEL_COLUMNS = ['label', 'labels', 'class', 'class_id', 'target', 'category', 'y'];

/** @param pictures the listing's files that are pictures. */
export async function labelPictures(root: string, listing: Listing, pictures: string[]): Promise<PictureSet> {
  const tables = listing.files.filter(
    (file) => !file.includes('/') && extname(file).toLowerCase() === '.csv',
  );
  const table =
    tables.find((file) => file.toLowerCase() === 'labels.csv') ?? (tables.length === 1 ? tables[0] : null);
  const found = table === null ? null : await fromCsv(root, table, pictures);
  if (found === null || typeof found !== 'string') return found ?? fromFolders(listing.folders, pictures);
  const plain = fromFolders(listing.folders, pictures);
  return { ...plain, warnings: [...plain.warnings, found] };
}

/** Only where every picture lies in a folder of its own class, one level down: torchvision's ImageFolder. */
function fromFolders(folders: string[], pictures: string[]): PictureSet {
  const plain: PictureSet = { files: pictures, labels: null, classNames: null, warnings: [] };
  const classOf = pictures.map((file) =>
    file.split('/').length === 2 ? file.slice(0, file.indexOf('/')) : null,
  );
  const used = new Set(classOf);
  if (used.has(null) || used.size < 2 || folders.some((name) => PARTS.has(name.toLowerCase()))) return plain;
  const index = new Map(folders.map((name, i) => [name, i]));
  const labels = Int32Array.from(classOf, (name) => index.get(name!)!);
  const numbered = folders.every((name) => /^\d+$/.test(name));
  const warnings =
    numbered && folders.some((name, i) => i > 0 && Number(name) < Number(folders[i - 1]))
      ? [
          `The class folders are numbers; as text they sort ${folders.slice(0, 3).join(', ')} ..., and that order gives the class indices, as in torchvision.`,
        ]
      : [];
  return { ...plain, labels, classNames: folders, warnings };
}

/** Null for a table about something else; a warning for one that is meant for labels and has none to give. */
async function fromCsv(root: string, table: string, pictures: string[]): Promise<PictureSet | string | null> {
  const isMeant = table.toLowerCase() === 'labels.csv';
  const rows = await readCsv(join(root, table));
  const columns = findColumns(rows);
  if (!columns) {
    const first = (rows[0] ?? []).join(', ');
    return isMeant
      ? `${table} was not used: its first line, "${first}", names no columns of files and labels; begin it with file,label.`
      : null;
  }
  const find = fileFinder(pictures);
  const labelOf = new Map<string, string>();
  const lines = rows.slice(columns.header ? 1 : 0);
  let missing = 0;
  for (const row of lines) {
    const file = find(row[columns.file] ?? '');
    const label = (row[columns.label] ?? '').trim();
    if (file === undefined) missing++;
    else if (label !== '') labelOf.set(file, label);
  }
  if (labelOf.size === 0) {
    return isMeant || (columns.header && lines.length > 0)
      ? `${table} was not used: it has a label for none of the ${pictures.length} pictures (its first line is about "${lines[0]?.[columns.file] ?? ''}").`
      : null;
  }
  const files = pictures.filter((file) => labelOf.has(file));
  const warnings: string[] = [];
  if (missing > 0) warnings.push(`${table} lists ${missing} files that are not there.`);
  if (files.length < pictures.length) {
    warnings.push(
      `${pictures.length - files.length} pictures that ${table} gives no label for were left out.`,
    );
  }
  const texts = files.map((file) => labelOf.get(file)!);
  const classNames = namesOf(texts, table, warnings);
  const index = new Map(classNames?.map((name, i) => [name, i]));
  const labels = Int32Array.from(texts, (text) => (classNames === null ? Number(text) : index.get(text)!));
  return { files, labels, classNames, warnings };
}

/** Null where the labels are class numbers. */
function namesOf(texts: string[], table: string, warnings: string[]): string[] | null {
  const isNumber = (text: string) => /^[-+]?\d+(\.\d*)?$/.test(text);
  const numbers = texts.filter(isNumber);
  if (numbers.length === texts.length) {
    const odd = numbers.find((text) => !/^[-+]?\d{1,9}(\.0*)?$/.test(text));
    if (odd === undefined) return null;
    throw new DataError(`${table} has the label ${odd}; class numbers are whole.`);
  }
  if (numbers.length > 0) {
    const name = texts.find((text) => !isNumber(text))!;
    warnings.push(
      `${table} has numbers (${numbers[0]}) and names (${name}) for classes; all were taken for names, in the order of text.`,
    );
  }
  return [...new Set(texts)].sort(compareText);
}

async function readCsv(path: string): Promise<string[][]> {
  try {
    if ((await stat(path)).size > MAX_CSV_BYTES) {
      throw new DataError(
        `${path} is too large for a table of labels; keep one line of file,label per picture.`,
      );
    }
    const text = await readFile(path);
    const { parse } = await import('csv-parse/sync');
    return parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true, trim: true });
  } catch (error) {
    if (String((error as { code?: unknown }).code).startsWith('CSV_')) {
      throw new DataError(`${path} is not a sound CSV (${firstLine(error)}); write lines of file,label.`);
    }
    throw cannotRead(path, error);
  }
}

/** By the names in the first row; two columns without known names are file and label. */
function findColumns(rows: string[][]): { file: number; label: number; header: boolean } | null {
  if (rows.length === 0) return null;
  const names = rows[0].map((name) => name.toLowerCase());
  const file = names.findIndex((name) => FILE_COLUMNS.includes(name));
  const label = names.findIndex((name) => LABEL_COLUMNS.includes(name));
  if (file !== -1 && label !== -1) return { file, label, header: true };
  return names.length === 2 ? { file: 0, label: 1, header: false } : null;
}

/** A row may name a picture by its path in the folder, by its name alone, or by its name without the extension. */
function fileFinder(pictures: string[]): (said: string) => string | undefined {
  const byPath = new Map(pictures.map((file) => [file, file]));
  const byName = uniqueBy(pictures, (file) => basename(file));
  const byStem = uniqueBy(pictures, (file) => basename(file, extname(file)));
  return (said) => {
    const path = said.replaceAll('\\', '/').replace(/^\.\//, '');
    return byPath.get(path) ?? (path.includes('/') ? undefined : (byName.get(path) ?? byStem.get(path)));
  };
}

function uniqueBy(files: string[], key: (file: string) => string): Map<string, string> {
  const found = new Map<string, string>();
  const twice = new Set<string>();
  for (const file of files) {
    if (found.has(key(file))) twice.add(key(file));
    found.set(key(file), file);
  }
  for (const name of twice) found.delete(name);
  return found;
}
