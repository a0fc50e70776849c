/** Labels of files: folders named by class, or a table of file and label. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeText } from '../../common/text';
import { CLASS_FILES, readClassList, type ClassList } from './classes';
import { cannotRead, DataError } from '../inputs/errors';
import { fileFinder } from './fileFinder';
import { findColumns, oneHotAsNumbers, parseTable } from './labelTable';
import { compareText, type Listing } from '../inputs/walk';

export interface LabelledFiles {
  /** Relative paths, sorted. */
  files: string[];
  /** Per file, the index of its class in `classNames`; without names, the class number itself. */
  labels: Int32Array | null;
  classNames: string[] | null;
  /** The model's classes in their order, where a file beside the data lists them. */
  classList: ClassList | null;
  warnings: string[];
}

const MAX_TABLE_BYTES = 256 * 1024 * 1024;
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
/** Tables are looked for under these names first; any other .csv or .tsv counts where it is the only one. */
const TABLES = /^(labels?|ground_?truth|annotations|val|test|val_?map|test_?map|list)\.(csv|tsv|txt)$/i;

/**
 * @param listing everything under `root`
 * @param samples the listing's files that are samples
 */
export async function labelFiles(root: string, listing: Listing, samples: string[]): Promise<LabelledFiles> {
  const top = listing.files.filter((file) => !file.includes('/'));
  const find = fileFinder(samples);
  const warnings: string[] = [];
  const others = top.filter((file) => /\.[ct]sv$/i.test(file) && !TABLES.test(file));
  const tables = [...top.filter((file) => TABLES.test(file)), ...(others.length === 1 ? others : [])];
  let found: Found | null = null;
  for (const table of tables) {
    const tried = await fromTable(root, table, samples, find);
    if (typeof tried !== 'string') found ??= tried;
    else warnings.push(tried);
  }
  const labelled = found ?? fromFolders(listing.folders, samples);
  const lists = CLASS_FILES.filter((file) => top.includes(file) && found?.table !== file);
  const classList = lists.length > 0 ? await readClassList(join(root, lists[0])).catch(ignoreNoList) : null;
  // A labels.txt that lists classes is no table that failed.
  const isList = (warning: string) => classList !== null && warning.startsWith(`${classList.file} `);
  const failed = found ? [] : warnings.filter((warning) => !isList(warning));
  const { files, labels, classNames } = labelled;
  return { files, labels, classNames, classList, warnings: [...labelled.warnings, ...failed] };
}

/** What only looks like a list of classes by its name is none. */
function ignoreNoList(error: unknown): null {
  if (error instanceof DataError) return null;
  throw error;
}

interface Found extends Omit<LabelledFiles, 'classList'> {
  table?: string;
}

/** Only where every file lies in a folder of its own class, one level down: torchvision's ImageFolder. */
function fromFolders(folders: string[], files: string[]): Found {
  const plain: Found = { files, labels: null, classNames: null, warnings: [] };
  const classOf = files.map((file) =>
    file.split('/').length === 2 ? file.slice(0, file.indexOf('/')) : null,
  );
  const used = new Set(classOf);
  if (used.has(null) || used.size < 2 || folders.some((name) => PARTS.has(name.toLowerCase()))) return plain;
  const index = new Map(folders.map((name, i) => [name, i]));
  return { ...plain, labels: Int32Array.from(classOf, (name) => index.get(name!)!), classNames: folders };
}

/** Null for a table about something else; a warning for one that is meant for labels and has none to give. */
async function fromTable(
  root: string,
  table: string,
  samples: string[],
  find: ReturnType<typeof fileFinder>,
): Promise<Found | string | null> {
  const isMeant = /^labels\./i.test(table);
  const rows = oneHotAsNumbers(parseTable(await readTable(join(root, table)), table));
  const columns = findColumns(rows, find);
  if (!columns) {
    const first = (rows[0] ?? []).join(', ');
    return isMeant
      ? `${table} was not used: its first line, "${first}", names no columns of files and labels; begin it with file,label.`
      : null;
  }
  const labelOf = new Map<string, string>();
  const lines = rows.slice(columns.header ? 1 : 0);
  let missing = 0;
  let contrary = '';
  for (const row of lines) {
    const file = find(row[columns.file] ?? '');
    const label = (row[columns.label] ?? '').trim();
    if (file === undefined) missing++;
    else if (label !== '') {
      if ((labelOf.get(file) ?? label) !== label) contrary = file;
      labelOf.set(file, label);
    }
  }
  if (labelOf.size === 0) {
    return isMeant || (columns.header && lines.length > 0 && /\.[ct]sv$/i.test(table))
      ? `${table} was not used: it has a label for none of the ${samples.length} files (its first line is about "${lines[0]?.[columns.file] ?? ''}").`
      : null;
  }
  const files = samples.filter((file) => labelOf.has(file));
  const warnings: string[] = [];
  if (contrary !== '')
    warnings.push(`${table} has more than one label for ${contrary}; the last one was taken.`);
  if (missing > 0) warnings.push(`${table} lists ${missing} files that are not there.`);
  if (files.length < samples.length) {
    warnings.push(`${samples.length - files.length} files that ${table} gives no label for were left out.`);
  }
  const texts = files.map((file) => labelOf.get(file)!);
  const classNames = namesOf(texts, table, warnings);
  const index = new Map(classNames?.map((name, i) => [name, i]));
  const labels = Int32Array.from(texts, (text) => (classNames === null ? Number(text) : index.get(text)!));
  return { files, labels, classNames, warnings, table };
}

async function readTable(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_TABLE_BYTES) {
      throw new DataError(
        `${path} is too large for a table of labels; keep one line of file,label per file.`,
      );
    }
    return decodeText(await readFile(path));
  } catch (error) {
    throw cannotRead(path, error);
  }
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
