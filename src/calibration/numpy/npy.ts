/** The header of a .npy file (numpy/lib/format.py, versions 1 to 3). */
import { product } from '../../onnx/proto/dims';
import { DataError } from '../inputs/errors';
import type { TensorType } from '../inputs/tensorTypes';
import { TYPES } from '../inputs/tensorTypes';

export interface NpyHeader {
  type: TensorType;
  bigEndian: boolean;
  fortranOrder: boolean;
  shape: number[];
  /** Where the elements begin. */
  dataOffset: number;
  /** How many bytes of them the shape calls for. */
  dataBytes: number;
}

/** More than any header needs (numpy itself stops at 10,000), so that a lying length costs nothing. */
export const MAX_HEADER_BYTES = 65536;

const KINDS: Record<string, TensorType> = {
  b1: 'bool',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
};

/**
 * @param head the first MAX_HEADER_BYTES of the file, or all of it.
 * @param totalBytes length of the whole file; the shape is held against it.
 * @param where how to name the array in errors: 'Array "x" of data.npz'.
 */
export function parseNpyHeader(head: Buffer, totalBytes: number, where: string): NpyHeader {
  if (head.length < 10 || head.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw new DataError(`${where} is not in NumPy's .npy format; write it with numpy.save or numpy.savez.`);
  }
  const major = head[6];
  if (major < 1 || major > 3) {
    throw new DataError(`${where} has .npy version ${major}, which is not known; write it with numpy.save.`);
  }
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? head.readUInt16LE(8) : head.length < 12 ? Infinity : head.readUInt32LE(8);
  if (start + length > head.length) throw damaged(where);
  const fields = new HeaderParser(
    head.toString(major === 3 ? 'utf8' : 'latin1', start, start + length),
    where,
  ).parse();
  const { descr, fortran_order: fortranOrder, shape } = fields;
  if (typeof descr !== 'string' || typeof fortranOrder !== 'boolean' || !Array.isArray(shape))
    throw damaged(where);
  const { type, bigEndian } = parseType(descr, where);
  const dataOffset = start + length;
  const dataBytes = product(shape) * TYPES[type].bytes;
  if (!Number.isSafeInteger(dataBytes) || dataBytes !== totalBytes - dataOffset) {
    throw new DataError(
      `${where} is damaged: its header promises ${shape.join('x') || 'one'} elements of ${type}, but ${totalBytes - dataOffset} bytes of data follow; write it again.`,
    );
  }
  return { type, bigEndian, fortranOrder, shape, dataOffset, dataBytes };
}

function parseType(descr: string, where: string): { type: TensorType; bigEndian: boolean } {
  const order = /^[<>|=]/.test(descr) ? descr[0] : '=';
  const kind = descr.replace(/^[<>|=]/, '');
  if (kind.startsWith('O')) {
    throw new DataError(
      `${where} holds pickled Python objects, which are not read because they can run code; store it as a plain array of numbers.`,
    );
  }
  const type = KINDS[kind === '?' ? 'b1' : kind];
  if (!type) {
    throw new DataError(
      `${where} has elements of NumPy type ${descr.slice(0, 40)}, which no input takes; store it as floats or integers.`,
    );
  }
  return { type, bigEndian: order === '>' };
}

function damaged(where: string): DataError {
  return new DataError(`${where} has a damaged .npy header; write it again with numpy.save.`);
}

type Value = string | boolean | number[];

/** The header is a Python dict literal: strings, True and False, and a tuple of integers. */
class HeaderParser {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly where: string,
  ) {}

  parse(): Record<string, Value> {
    const fields: Record<string, Value> = Object.create(null) as Record<string, Value>;
    this.expect('{');
    while (!this.accept('}')) {
      const key = this.string();
      this.expect(':');
      fields[key] = this.value();
      if (!this.accept(',')) {
        this.expect('}');
        break;
      }
    }
    if (this.text.slice(this.at).trim() !== '') throw damaged(this.where);
    return fields;
  }

  private value(): Value {
    this.skipSpace();
    const next = this.text[this.at];
    if (next === '(') return this.tuple();
    if (next === "'" || next === '"') return this.string();
    if (next === '[') {
      throw new DataError(
        `${this.where} is a structured array (records), which no input takes; store plain arrays.`,
      );
    }
    if (this.acceptWord('True')) return true;
    if (this.acceptWord('False')) return false;
    throw damaged(this.where);
  }

  private tuple(): number[] {
    const items: number[] = [];
    this.expect('(');
    while (!this.accept(')')) {
      this.skipSpace();
      // Python 2 wrote long integers with an L.
      const digits = /^(\d{1,16})L?/.exec(this.text.slice(this.at, this.at + 20));
      if (!digits) throw damaged(this.where);
      this.at += digits[0].length;
      items.push(Number(digits[1]));
      if (!this.accept(',')) {
        this.expect(')');
        break;
      }
    }
    return items;
  }

  private string(): string {
    this.skipSpace();
    const quote = this.text[this.at];
    const end = this.text.indexOf(quote, this.at + 1);
    if ((quote !== "'" && quote !== '"') || end === -1) throw damaged(this.where);
    const value = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return value;
  }

  private acceptWord(word: string): boolean {
    const found = this.text.startsWith(word, this.at);
    if (found) this.at += word.length;
    return found;
  }

  private accept(token: string): boolean {
    this.skipSpace();
    return this.acceptWord(token);
  }

  private expect(token: string): void {
    if (!this.accept(token)) throw damaged(this.where);
  }

  private skipSpace(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }
}
