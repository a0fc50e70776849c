/** One stored NumPy array whose rows (indices of the first axis) can be read a few at a time. */
import { endianness } from 'node:os';
import { product } from '../../onnx/proto/dims';
import { DataError } from '../inputs/errors';
import { dataFromBytes, makeData, type TensorData, TYPES } from '../inputs/tensorTypes';
import type { ByteSource } from './byteSource';
import { MAX_HEADER_BYTES, type NpyHeader, parseNpyHeader } from './npy';

export class NumpyArray {
  /** Kept rows of a compressed array, by index. */
  private kept: Map<number, TensorData> | null = null;
  private whole: TensorData | null = null;

  private constructor(
    /** How to name it in errors: 'Array "x" of data.npz'. */
    readonly where: string,
    readonly header: NpyHeader,
    private readonly bytes: ByteSource,
    private readonly maxBytes: number,
  ) {}

  static async open(bytes: ByteSource, where: string, maxBytes: number): Promise<NumpyArray> {
    const head = await bytes.read(0, Math.min(bytes.length, MAX_HEADER_BYTES));
    return new NumpyArray(where, parseNpyHeader(head, bytes.length, where), bytes, maxBytes);
  }

  get shape(): number[] {
    return this.header.shape;
  }

  get type() {
    return this.header.type;
  }

  /** Elements of one row. */
  get rowLength(): number {
    return product(this.shape.slice(1));
  }

  /** Everything, in C order. */
  async readAll(): Promise<TensorData> {
    this.whole ??= await this.loadWhole();
    return this.whole;
  }

  /** Rows in the order asked for, one after the other, in C order. */
  async readRows(indices: readonly number[]): Promise<TensorData> {
    const out = makeData(this.type, indices.length * this.rowLength);
    const whole = this.header.fortranOrder ? await this.readAll() : null;
    for (let i = 0; i < indices.length;) {
      if (whole) {
        copyInto(
          out,
          whole.subarray(indices[i] * this.rowLength, (indices[i] + 1) * this.rowLength),
          i * this.rowLength,
        );
        i++;
      } else if (this.kept) {
        copyInto(out, this.kept.get(indices[i])!, i * this.rowLength);
        i++;
      } else {
        const run = runLength(indices, i);
        copyInto(out, await this.fetch(indices[i], run), i * this.rowLength);
        i += run;
      }
    }
    return out;
  }

  /**
   * Prepares for reading these rows in any order: of a compressed array they are unpacked now, front to back, and kept.
   * @throws DataError where they take more than maxBytes.
   */
  async prepare(indices: readonly number[]): Promise<void> {
    if (!this.bytes.forwardOnly || this.header.fortranOrder) return;
    this.checkMemory(indices.length * this.rowLength * TYPES[this.type].bytes);
    const kept = new Map<number, TensorData>();
    for (const index of [...indices].sort((a, b) => a - b)) kept.set(index, await this.fetch(index, 1));
    this.kept = kept;
    await this.bytes.close();
  }

  close(): Promise<void> {
    return this.bytes.close();
  }

  private async fetch(row: number, count: number): Promise<TensorData> {
    const rowBytes = this.rowLength * TYPES[this.type].bytes;
    return this.decode(await this.bytes.read(this.header.dataOffset + row * rowBytes, count * rowBytes));
  }

  private async loadWhole(): Promise<TensorData> {
    this.checkMemory(this.header.dataBytes);
    const stored = this.decode(await this.bytes.read(this.header.dataOffset, this.header.dataBytes));
    await this.bytes.close();
    return this.header.fortranOrder
      ? toRowMajor(stored, this.shape, makeData(this.type, stored.length))
      : stored;
  }

  private decode(bytes: Buffer): TensorData {
    const size = TYPES[this.type].bytes;
    if (size > 1 && this.header.bigEndian !== (endianness() === 'BE')) swapBytes(bytes, size);
    return dataFromBytes(this.type, bytes);
  }

  private checkMemory(bytes: number): void {
    if (bytes <= this.maxBytes) return;
    throw new DataError(
      `${this.where} would take ${bytes} bytes of memory, more than the limit of ${this.maxBytes}; take fewer samples, or write it uncompressed and in C order with numpy.savez.`,
    );
  }
}

function copyInto(out: TensorData, part: TensorData, offset: number): void {
  // Both come from the same array, so both are of its type.
  (out as Float32Array).set(part as Float32Array, offset);
}

/** How many indices from position i on follow one another, so that they are read at once. */
function runLength(indices: readonly number[], i: number): number {
  let run = 1;
  while (i + run < indices.length && indices[i + run] === indices[i] + run) run++;
  return run;
}

function swapBytes(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else bytes.swap64();
}

/** From Fortran order (first index fastest) to C order (last index fastest). */
function toRowMajor(stored: TensorData, shape: readonly number[], out: TensorData): TensorData {
  const strides = shape.map((_, axis) => product(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = stored[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
