/** How a config is written: fixed key order and one function a line, so that a change of bits is a one-line diff. */
import schema from '../../schemas/ompq.schema.json';
import { writeAtomically } from '../common/atomicFile';
import { ioError } from '../common/fileErrors';
import { isObject } from '../common/isObject';
import { type Config } from './types';
import { ConfigError } from './config';

interface ObjectSchema {
  $ref?: string;
  properties?: Record<string, ObjectSchema>;
  items?: ObjectSchema;
}

export function formatConfig(config: Config): string {
  const sections = ordered(config, schema as ObjectSchema).map(([key, value]) => {
    const part = (schema.properties as Record<string, ObjectSchema>)[key];
    return `  ${JSON.stringify(key)}: ${key === 'functions' ? functionLines(config, part) : section(value, part)}`;
  });
  return `{\n${sections.join(',\n')}\n}\n`;
}

/** Writes to a temporary file and renames it. @throws ConfigError */
export async function writeConfig(path: string, config: Config): Promise<void> {
  try {
    await writeAtomically(path, formatConfig(config));
  } catch (error) {
    throw new ConfigError(ioError(error, path, 'write').message, { cause: error });
  }
}

function functionLines(config: Config, part: ObjectSchema): string {
  if (config.functions.length === 0) return '[]';
  // What comes first in a line stands in columns.
  const widest = (key: 'lock' | 'name'): number =>
    Math.max(...config.functions.map((f) => entry(key, f[key]).length));
  const widths: Record<string, number> = { lock: widest('lock'), name: widest('name') };
  const lines = config.functions.map((f) => {
    const cells = ordered(f, part.items ?? {}).map(([key, value], at, { length }) => {
      const comma = at < length - 1 ? ',' : '';
      const cell = `${entry(key, value)}${comma}`;
      return cell.padEnd((widths[key] ?? -1) + 1);
    });
    return `    { ${cells.join(' ')} }`;
  });
  return `[\n${lines.join(',\n')}\n  ]`;
}

function section(value: unknown, part: ObjectSchema): string {
  if (!isObject(value)) return oneLine(value, part);
  const lines = ordered(value, part).map(([key, v]) => {
    const inner = part.properties?.[key];
    return `    ${isTable(v) ? `${JSON.stringify(key)}: ${rows(v, inner)}` : entry(key, v, inner)}`;
  });
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
}

/** A list of objects, one a line. */
function rows(value: object[], part?: ObjectSchema): string {
  return `[\n${value.map((row) => `      ${oneLine(row, part?.items)}`).join(',\n')}\n    ]`;
}

function isTable(value: unknown): value is object[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function entry(key: string, value: unknown, part?: ObjectSchema): string {
  return `${JSON.stringify(key)}: ${oneLine(value, part)}`;
}

function oneLine(value: unknown, part?: ObjectSchema): string {
  if (Array.isArray(value)) return `[${value.map((v) => oneLine(v, part?.items)).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = ordered(value, part ?? {}).map(([key, v]) => entry(key, v, part?.properties?.[key]));
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** Entries in the schema's order, unknown keys last; undefined ones left out. */
function ordered(value: object, part: ObjectSchema): [string, unknown][] {
  const order = Object.keys(resolved(part).properties ?? {});
  const rank = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  return Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => rank(a) - rank(b));
}

/** The definition that a part of the schema stands for. */
function resolved(part: ObjectSchema): ObjectSchema {
  const name = part.$ref?.replace('#/definitions/', '');
  return name ? (schema.definitions as Record<string, ObjectSchema>)[name] : part;
}
