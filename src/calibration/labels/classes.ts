/** Which number a model gives to a class that the data know by name. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { decodeText } from '../../common/text';
import { parseTable } from './labelTable';
import { cannotRead, DataError } from '../inputs/errors';
import { imagenetClasses, isWordNetId } from './wordnet';

/** The classes of a model in the order of their numbers. */
export interface ClassList {
  /** The file's name, for messages. */
  file: string;
  /** Normalized name -> class number; a class may have several names. */
  numbers: Map<string, number>;
  count: number;
}

export interface ClassNumbers {
  /** Per name; null where nothing tells. */
  numbers: number[] | null;
  warnings: string[];
}

/** Names of files beside the data (or a model) that list its classes. */
export const CLASS_FILES = [
  'classes.txt',
  'class_names.txt',
  'labels.txt',
  'synset.txt',
  'synset_words.txt',
  'synsets.txt',
  'LOC_synset_mapping.txt',
  'classes.json',
  'class_names.json',
  'imagenet_class_index.json',
  'id2label.json',
];

const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** "Great_White-Shark " and "great white shark" are one class. */
const normalized = (name: string): string =>
  name
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ')
    .trim();

/**
 * Reads a list of classes: a line for each (its name, or a WordNet id and names), a JSON list, a JSON object from numbers
 * to names or from names to numbers (also as Hugging Face's config.json has them: id2label, label2id), or a CSV of number and name.
 * @throws DataError
 */
export async function readClassList(path: string): Promise<ClassList> {
  let text: string;
  try {
    if ((await stat(path)).size > MAX_LIST_BYTES)
      throw new DataError(`${path} is too large for a list of classes.`);
    text = decodeText(await readFile(path));
  } catch (error) {
    throw cannotRead(path, error);
  }
  const names = extname(path).toLowerCase() === '.json' ? fromJson(text, path) : fromLines(text, path);
  const list: ClassList = { file: basename(path), numbers: new Map(), count: 0 };
  const twice = new Set<string>();
  for (const [number, aliases] of names) {
    list.count = Math.max(list.count, number + 1);
    for (const alias of aliases.map(normalized)) {
      if (alias === '') continue;
      const earlier = list.numbers.get(alias);
      if (earlier !== undefined && earlier !== number) twice.add(alias);
      list.numbers.set(alias, number);
    }
  }
  // "crane" is a bird and a machine: such a name tells nothing.
  for (const name of twice) list.numbers.delete(name);
  if (list.numbers.size === 0)
    throw new DataError(
      `${path} lists no classes; write one name a line, in the order of the model's outputs.`,
    );
  return list;
}

type Names = [number: number, aliases: string[]][];

function fromJson(text: string, path: string): Names {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(`${path} is not valid JSON; give a list of class names.`);
  }
  const inner = value as { id2label?: unknown; label2id?: unknown; names?: unknown } | null;
  const found = inner?.id2label ?? inner?.label2id ?? inner?.names ?? value;
  if (Array.isArray(found)) return found.map((name, i) => [i, aliasesOf(name)]);
  if (typeof found !== 'object' || found === null)
    throw new DataError(`${path} lists no classes; give a list of class names.`);
  return Object.entries(found).map(([key, named]): Names[number] => {
    if (isNumber(key)) return [Number(key), aliasesOf(named)];
    if (Number.isInteger(named) && (named as number) >= 0) return [named as number, [key]];
    throw new DataError(
      `${path} has the entry "${key}", which is neither a class number with a name nor a name with a number.`,
    );
  });
}

const isNumber = (text: string): boolean => /^\d{1,9}$/.test(text);

/** "tench, Tinca tinca" stands for both names and for the whole. */
function aliasesOf(name: unknown): string[] {
  if (Array.isArray(name)) return name.flatMap(aliasesOf);
  if (typeof name !== 'string' && typeof name !== 'number') return [];
  const text = String(name);
  return text.includes(',') ? [text, ...text.split(',')] : [text];
}

function fromLines(text: string, path: string): Names {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  if (['.csv', '.tsv'].includes(extname(path).toLowerCase())) return fromTable(parseTable(text, path), path);
  // "0: tench", "0 tench": only where the numbers are those of the lines, or all different.
  const numbered = lines.map((line) => /^(\d{1,9})\s*[:,;\t ]\s*(\S.*)$/.exec(line));
  const numbers = new Set(numbered.map((match) => match?.[1]));
  if (lines.length > 1 && numbered.every((match) => match !== null) && numbers.size === lines.length) {
    return numbered.map((match) => [Number(match[1]), aliasesOf(match[2])]);
  }
  return lines.map((line, i) => {
    const synset = /^(n\d{8})\b[\s,:;]*(.*)$/.exec(line);
    return [i, synset ? [synset[1], ...aliasesOf(synset[2])] : aliasesOf(line)];
  });
}

/** A column of whole numbers and one of names; without numbers, the rows' order. */
function fromTable(rows: string[][], path: string): Names {
  const body = rows.slice(1);
  const columns = (rows[0] ?? []).map((_, i) => i);
  const numberColumn = columns.find((i) => body.length > 0 && body.every((row) => isNumber(row[i] ?? '')));
  if (numberColumn === undefined) return rows.map((row, i) => [i, row.flatMap(aliasesOf)]);
  const whole = isNumber(rows[0][numberColumn]) ? rows : body;
  if (columns.length < 2)
    throw new DataError(`${path} has numbers and no names; write lines of number,name.`);
  return whole.map((row) => [
    Number(row[numberColumn]),
    row.filter((_, i) => i !== numberColumn).flatMap(aliasesOf),
  ]);
}

/**
 * The number that a model with `count` classes gives to each of the names: by a list of its classes, by WordNet ids, by
 * names that are numbers, or, where there are as many names as classes, by their order as torchvision's ImageFolder takes it.
 * @param names sorted, all different: the data's folders, or the labels of its table
 * @throws DataError where a list of classes lacks one of the names
 */
export function classNumbers(names: readonly string[], count: number, list: ClassList | null): ClassNumbers {
  if (list) return fromList(names, count, list);
  const inOrder = names.map((_, i) => i);
  if (names.every(isNumber)) return fromNumbers(names, count);
  if (names.length === count) return { numbers: inOrder, warnings: [] };
  const known = imagenetClasses();
  // TensorFlow's models have a class 0 for the background.
  const background = count === known.size + 1 ? 1 : 0;
  if (count - background === known.size && names.every((name) => known.has(name))) {
    const warnings = [
      `The data have ${names.length} of the model's ${count} classes; their WordNet ids tell which.`,
    ];
    return { numbers: names.map((name) => known.get(name)! + background), warnings };
  }
  const hint = names.every(isWordNetId)
    ? 'their WordNet ids are not all among the 1000 of ImageNet (ILSVRC 2012)'
    : 'their names do not tell which';
  return unknown(
    `The data have ${names.length} classes (${some(names)}) and the model has ${count}: ${hint}, so there is no accuracy. Give the model's classes in their order with --classes FILE.`,
  );
}

const unknown = (warning: string): ClassNumbers => ({ numbers: null, warnings: [warning] });

function fromList(names: readonly string[], count: number, list: ClassList): ClassNumbers {
  const numberOf = (name: string): number | undefined =>
    list.numbers.get(normalized(name)) ??
    (isNumber(name) && Number(name) < list.count ? Number(name) : undefined);
  const missing = names.filter((name) => numberOf(name) === undefined);
  if (missing.length > 0) {
    throw new DataError(
      `${list.file} does not list ${missing.length} of the data's ${names.length} classes (${some(missing)}); add their names, one line per class in the order of the model's outputs.`,
    );
  }
  const offset = count === list.count + 1 && list.count === imagenetClasses().size ? 1 : 0;
  const warnings =
    list.count + offset === count
      ? []
      : [`${list.file} lists ${list.count} classes, but the model has ${count}.`];
  return { numbers: names.map((name) => numberOf(name)! + offset), warnings };
}

/** Folders named 0, 1, ... or 000, 217, ...: class numbers. */
function fromNumbers(names: readonly string[], count: number): ClassNumbers {
  const numbers = names.map(Number);
  const sorted = numbers.every((number, i) => i === 0 || number > numbers[i - 1]);
  if (numbers.every((number) => number < count)) {
    const warnings =
      sorted || names.length !== count
        ? []
        : [
            `The classes are named by numbers, which were taken as class numbers; torchvision's ImageFolder would number them in the order of text (${some(names)}). If the model was trained so, list the names in that order with --classes FILE.`,
          ];
    return { numbers, warnings };
  }
  if (numbers.every((number) => number >= 1 && number <= count)) {
    return {
      numbers: numbers.map((number) => number - 1),
      warnings: [
        `The classes are numbered from 1 to ${Math.max(...numbers)}; 1 was taken for the model's class 0.`,
      ],
    };
  }
  if (names.length === count) {
    return {
      numbers: names.map((_, i) => i),
      warnings: [
        `The classes are named by numbers beyond the model's ${count}; their order as text gives the class numbers (${some(names)}).`,
      ],
    };
  }
  return unknown(
    `The data have classes named up to ${Math.max(...numbers)}, but the model has ${count} (0 to ${count - 1}), so there is no accuracy. Give the model's classes in their order with --classes FILE.`,
  );
}

const some = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ', ...' : '');
