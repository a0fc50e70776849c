/** Cached values as bytes: one line of JSON, then float64 numbers, little-endian. */
import { endianness } from 'node:os';

export interface CacheRecord {
  /** Anything that JSON can hold. */
  head: unknown;
  values: Float64Array;
}

export function encodeRecord({ head, values }: CacheRecord): Buffer {
  const body = Buffer.from(values.slice().buffer);
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(head, flattened)}\n`),
    endianness() === 'BE' ? body.swap64() : body,
  ]);
}

/** null where the bytes are no record. */
export function decodeRecord(bytes: Buffer): CacheRecord | null {
  const end = bytes.indexOf(10);
  if (end < 0 || (bytes.length - end - 1) % 8 !== 0) return null;
  try {
    const head: unknown = JSON.parse(bytes.toString('utf8', 0, end), revived);
    const body = Buffer.from(bytes.subarray(end + 1));
    if (endianness() === 'BE') body.swap64();
    const values = new Float64Array(body.length / 8);
    new Uint8Array(values.buffer).set(body);
    return { head, values };
  } catch {
    return null;
  }
}

/** JSON has no word for these numbers, and the SQNR of equal outputs is infinite. */
const NUMBERS = new Map([
  ['\0NaN', NaN],
  ['\0Infinity', Infinity],
  ['\0-Infinity', -Infinity],
]);
const flattened = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? `\0${value}` : value;
const revived = (_: string, value: unknown): unknown =>
  typeof value === 'string' && NUMBERS.has(value) ? NUMBERS.get(value) : value;
