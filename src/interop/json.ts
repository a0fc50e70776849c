/** Reading JSON that other tools wrote. */
import { isObject } from '../common/isObject';
import { withoutMark } from '../common/text';
import { FormatError } from './errors';

export type JsonObject = Record<string, unknown>;

/** @throws FormatError */
export function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch (error) {
    throw new FormatError(`is not valid JSON: ${(error as Error).message}.`);
  }
  if (!isObject(value)) throw new FormatError('holds no JSON object.');
  return value;
}

/** @throws FormatError where `value` is no width from 1 to 64 */
export function widthOf(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw new FormatError(`gives "${name}" ${JSON.stringify(value) ?? 'no'} bits, which is no width.`);
}
