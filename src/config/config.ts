/** The quantization config, `<model>.ompq.json`: its type and how it is read. The JSON Schema is schemas/ompq.schema.json. */
import { withoutMark } from '../common/text';
import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { parse, type ParseError, printParseErrorCode } from 'jsonc-parser';
import { access, readFile } from 'node:fs/promises';
import schema from '../../schemas/ompq.schema.json';
import { ioError } from '../common/fileErrors';
import { isTooDeep } from './depth';
import { CONFIG_SUFFIX } from './paths';
import type { Config } from './types';

export type * from './types';
export { NOISE_WIDTHS } from './types';
export { CONFIG_SUFFIX };

/** A config that cannot be used, in one sentence for people. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

let compiled: ValidateFunction<Config> | undefined;

/** Compiled for the first config: it would be most of the time that the extension takes to activate. */
function validator(): ValidateFunction<Config> {
  return (compiled ??= new Ajv({ allErrors: false, allowUnionTypes: true }).compile<Config>(schema));
}

/** @throws ConfigError naming `file`, the place in it and what is wrong there. */
export function parseConfig(text: string, file: string): Config {
  if (!text.trimStart().startsWith('{')) throw notAConfig(file, 'it is no JSON object');
  if (isTooDeep(text)) throw notAConfig(file, 'its brackets nest too deeply');
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: false, disallowComments: true });
  if (errors.length > 0) {
    const line = text.slice(0, errors[0].offset).split('\n').length;
    throw new ConfigError(`${file} is not valid JSON: line ${line}: ${inWords(errors[0].error)}.`);
  }
  const validate = validator();
  if (!validate(value)) {
    throw notAConfig(file, describe(deepest(validate.errors ?? [])));
  }
  const names = new Set<string>();
  for (const { name } of value.functions) {
    if (names.has(name)) throw new ConfigError(`${file} lists the function "${brief(name)}" twice.`);
    names.add(name);
  }
  return value;
}

function notAConfig(file: string, why: string): ConfigError {
  const wanted = file.endsWith(CONFIG_SUFFIX)
    ? ''
    : ` Give an ${CONFIG_SUFFIX} file, which "ompq quantize" writes.`;
  return new ConfigError(`${file} is not an OMPQ config: ${why}.${wanted}`);
}

/** Of several forms that would do, the one that was meant: it fails furthest inside. */
function deepest(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const depth = ({ instancePath }: ErrorObject): number => instancePath.split('/').length;
  return errors.reduce<ErrorObject | undefined>(
    (found, error) => (found && depth(found) >= depth(error) ? found : error),
    undefined,
  );
}

function describe(error: ErrorObject | undefined): string {
  if (!error) return 'unknown error';
  const place =
    error.instancePath === '' ? 'the top level' : brief(error.instancePath.slice(1).replaceAll('/', '.'));
  if (error.keyword === 'additionalProperties') {
    return `${place} has the unknown key "${brief(String(error.params.additionalProperty))}"`;
  }
  if (error.keyword === 'enum') {
    return `${place} must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`;
  }
  return `${place} ${error.message ?? 'is wrong'}`;
}

/** Names come from the file: they may be anything, and a message is one line. */
function brief(name: string): string {
  const line = name.replace(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** What Node.js says of files that are no text of a size. */
const TOO_LARGE = new Set(['ERR_STRING_TOO_LONG', 'ERR_FS_FILE_TOO_LARGE']);

export async function readConfig(path: string): Promise<Config> {
  let text: string;
  try {
    text = withoutMark(await readFile(path, 'utf8'));
  } catch (error) {
    if (TOO_LARGE.has((error as NodeJS.ErrnoException).code ?? ''))
      throw notAConfig(path, 'it is far too large');
    throw new ConfigError(ioError(error, path, 'read').message, { cause: error });
  }
  return parseConfig(text, path);
}

/** EndOfFileExpected -> "end of file expected". */
function inWords(code: ParseError['error']): string {
  return printParseErrorCode(code)
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .trim();
}

/** The config that writing to `path` would replace, if any. @throws ConfigError for a file that is something else */
export async function replacedConfig(path: string): Promise<Config | null> {
  try {
    await access(path);
  } catch {
    return null;
  }
  try {
    return await readConfig(path);
  } catch (error) {
    throw new ConfigError(
      `${(error as Error).message} It is left as it is; move it away or choose another output.`,
    );
  }
}
