/** Reads the arrays of a folder's files, a sample at a time. */
import pMap from 'p-map';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { product } from '../../onnx/proto/dims';
import { convert } from '../inputs/convert';
import { cannotRead, DataError } from '../inputs/errors';
import { describeShape, type InputSpec, withBatch, withoutBatch } from '../inputs/inputShapes';
import type { OpenContext } from '../inputs/source';
import { sampleFits, unstackSamples } from '../inputs/stack';
import { makeData, type TensorData } from '../inputs/tensorTypes';
import { arrayFor, LABEL_NAMES, readLabels } from './arrays';
import { type ByteSource, FileBytes } from './byteSource';
import { listNpz } from './npz';
import { NumpyArray } from './numpyArray';
import type { Piece } from './pieces';

/** As many as libuv has threads. */
const CONCURRENCY = 4;

/** Opens the files of a piece for one reading and closes them again: thousands cannot stay open. */
export class PieceReader {
  constructor(
    private readonly folder: string,
    private readonly context: OpenContext,
  ) {}

  /** Sets every piece's count; the dims of one sample, which all have in common. */
  async measure(pieces: readonly Piece[]): Promise<Record<string, number[]>> {
    const { specs } = this.context;
    let done = 0;
    const found = await pMap(
      pieces,
      async (piece) => {
        this.context.signal?.throwIfAborted();
        const fits = await this.withArrays(piece, (arrays) =>
          Promise.resolve(specs.map((spec, i) => fitOf(spec, arrays[i]))),
        );
        const counts = fits.flatMap(({ count }) => count ?? []);
        if (new Set(counts).size > 1) {
          throw new DataError(
            `The arrays of ${piece.file} hold ${counts.join(', ')} samples; every array needs the same number.`,
          );
        }
        piece.count = counts[0] ?? 1;
        this.context.progress(++done / pieces.length);
        return fits.map(({ shape }) => shape);
      },
      { concurrency: CONCURRENCY },
    );
    specs.forEach((spec, i) => {
      const odd = found.findIndex((shapes) => shapes[i].join() !== found[0][i].join());
      if (odd < 0) return;
      throw new DataError(
        `${pieces[odd].file} gives input "${spec.name}" the shape ${describeShape(found[odd][i])}, but ${pieces[0].file} gives it ${describeShape(found[0][i])}; pad or cut the samples to one size.`,
      );
    });
    return Object.fromEntries(specs.map((spec, i) => [spec.name, found[0][i]]));
  }

  /** One sample, per input, in the input's type. */
  read(piece: Piece, row: number): Promise<Record<string, TensorData>> {
    this.context.signal?.throwIfAborted();
    return this.withArrays(piece, async (arrays) => {
      const entries = this.context.specs.map(async (spec, i) => {
        const data = await fitOf(spec, arrays[i]).read(row);
        return [spec.name, convert(data, arrays[i].type, spec.type, arrays[i].where)] as const;
      });
      return Object.fromEntries(await Promise.all(entries));
    });
  }

  /** The array of labels that a .npz holds beside its inputs. */
  async labels(piece: Piece): Promise<Int32Array | null> {
    if (piece.files) return null;
    const entries = await this.entries(piece);
    const name = LABEL_NAMES.find(
      (each) => entries.has(each) && !this.context.specs.some((s) => s.name === each),
    );
    if (name === undefined) return null;
    const array = await this.open(entries.get(name)!, `Array "${name}" of ${piece.file}`);
    try {
      return await readLabels(array, piece.count);
    } finally {
      await array.close();
    }
  }

  async openFile(file: string): Promise<NumpyArray> {
    const path = join(this.folder, file);
    try {
      return await this.open(new FileBytes(path, 0, (await stat(path)).size), file);
    } catch (error) {
      throw cannotRead(path, error);
    }
  }

  private open(bytes: ByteSource, where: string): Promise<NumpyArray> {
    return NumpyArray.open(bytes, where, this.context.maxBytes);
  }

  private async entries({ file }: Piece) {
    const listed = await listNpz(join(this.folder, file), file, this.context.maxBytes);
    return new Map(listed.map(({ name, bytes }) => [name, bytes]));
  }

  private async withArrays<T>(piece: Piece, work: (arrays: NumpyArray[]) => Promise<T>): Promise<T> {
    const { specs } = this.context;
    const arrays: NumpyArray[] = [];
    try {
      if (piece.files) {
        for (const { name } of specs) arrays.push(await this.openFile(piece.files.get(name)!));
      } else {
        const entries = await this.entries(piece);
        const names = [...entries.keys()].filter(
          (name) => !LABEL_NAMES.includes(name) || specs.some((s) => s.name === name),
        );
        for (const spec of specs) {
          const name = arrayFor(spec, names, specs.length, piece.file);
          arrays.push(await this.open(entries.get(name)!, `Array "${name}" of ${piece.file}`));
        }
      }
      return await work(arrays);
    } finally {
      for (const array of arrays) await array.close();
    }
  }
}

interface Fit {
  /** Samples; null where the array is the value of an input that all samples share. */
  count: number | null;
  /** Dims with one sample. */
  shape: number[];
  /** Sample `row`, in the array's type. */
  read: (row: number) => Promise<TensorData>;
}

/** A sample without an axis for the batch, samples on the first axis, or what the model is fed as it stands. */
function fitOf(spec: InputSpec, array: NumpyArray): Fit {
  const { shape } = array;
  const { batchAxis } = spec;
  const read = () => array.readAll();
  if (batchAxis === null) {
    if (shape.length === spec.shape.length && sampleFits(spec, shape)) return { count: null, shape, read };
    const [one, ...rest] = shape;
    if (one === 1 && sampleFits(spec, rest)) return { count: null, shape: rest, read };
  } else {
    const one = (sample: readonly number[]) =>
      withBatch([...sample.slice(0, batchAxis), 1, ...sample.slice(batchAxis)], batchAxis, 1);
    if (sampleFits(spec, shape)) return { count: 1, shape: one(shape), read };
    const rest = shape.slice(1);
    if (shape.length > 0 && shape[0] > 0 && sampleFits(spec, rest)) {
      return { count: shape[0], shape: one(rest), read: (row) => array.readRows([row]) };
    }
    const fed = withoutBatch(shape, batchAxis);
    if (shape.length === spec.shape.length && shape[batchAxis] > 0 && sampleFits(spec, fed)) {
      const length = product(fed);
      return {
        count: shape[batchAxis],
        shape: one(fed),
        read: async (row) =>
          unstackSamples(shape, batchAxis, await array.readAll(), (n) => makeData(array.type, n)).slice(
            row * length,
            (row + 1) * length,
          ),
      };
    }
  }
  const wanted = describeShape(spec.shape.map((size, axis) => size ?? (spec.names[axis] || '?')));
  throw new DataError(
    `${array.where} has shape ${describeShape(shape)}, but the model's input "${spec.name}" wants ${wanted}; store one sample a file in that shape.`,
  );
}
