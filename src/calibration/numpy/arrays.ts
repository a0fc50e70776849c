/** .npy and .npz files: arrays named as the model's inputs, samples on the first axis. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { product } from '../../onnx/proto/dims';
import { convert } from '../inputs/convert';
import { cannotRead, DataError } from '../inputs/errors';
import { describeShape, type InputSpec, withoutBatch } from '../inputs/inputShapes';
import { type Chosen, firstOf, type OpenContext, type Source, type Tensors } from '../inputs/source';
import { sampleFits, stackSamples } from '../inputs/stack';
import { isFloat, type TensorData } from '../inputs/tensorTypes';
import { FileBytes } from './byteSource';
import { listNpz } from './npz';
import { NumpyArray } from './numpyArray';

export const LABEL_NAMES = ['labels', 'label', 'targets', 'target', 'y'];
/** Names that hold the inputs where a file with several arrays feeds a model with one input. */
const DATA_NAMES = ['arr_0', 'x', 'data', 'images', 'image', 'input', 'inputs', 'samples'];

export async function openNpy(path: string, context: OpenContext): Promise<Source> {
  const label = basename(path);
  const { specs } = context;
  if (specs.length !== 1) {
    throw new DataError(
      `${label} holds one array, but the model has ${specs.length} inputs (${specs.map((s) => s.name).join(', ')}); give a .npz with an array for each.`,
    );
  }
  let length: number;
  try {
    length = (await stat(path)).size;
  } catch (error) {
    throw cannotRead(path, error);
  }
  const array = await NumpyArray.open(new FileBytes(path, 0, length), label, context.maxBytes);
  return arraySource(label, new Map([[specs[0].name, array]]), null, context);
}

export async function openNpz(path: string, context: OpenContext): Promise<Source> {
  const label = basename(path);
  const entries = new Map(
    (await listNpz(path, label, context.maxBytes)).map((entry) => [entry.name, entry.bytes]),
  );
  const labelName = LABEL_NAMES.find(
    (name) => entries.has(name) && !context.specs.some((s) => s.name === name),
  );
  const names = [...entries.keys()].filter((name) => name !== labelName);
  const open = (name: string) =>
    NumpyArray.open(entries.get(name)!, `Array "${name}" of ${label}`, context.maxBytes);
  const arrays = new Map<string, NumpyArray>();
  for (const spec of context.specs) {
    arrays.set(spec.name, await open(arrayFor(spec, names, context.specs.length, label)));
  }
  return arraySource(label, arrays, labelName === undefined ? null : await open(labelName), context);
}

/** Which of a .npz's arrays feeds an input. @throws DataError where none does */
export function arrayFor(
  spec: InputSpec,
  names: readonly string[],
  inputCount: number,
  label: string,
): string {
  if (names.includes(spec.name)) return spec.name;
  if (inputCount === 1) {
    if (names.length === 1) return names[0];
    const usual = DATA_NAMES.find((name) => names.includes(name));
    if (usual) return usual;
  }
  const held = names.length ? `it holds ${names.slice(0, 10).join(', ')}` : 'it holds no arrays';
  const instead =
    spec.shape.length === 0
      ? `name an array "${spec.name}", or give the input one value with --value ${spec.name}=NUMBER`
      : `name an array "${spec.name}", samples first`;
  throw new DataError(`${label} has no array for the model's input "${spec.name}" (${held}); ${instead}.`);
}

async function arraySource(
  label: string,
  arrays: Map<string, NumpyArray>,
  labelArray: NumpyArray | null,
  context: OpenContext,
): Promise<Source> {
  const { specs } = context;
  const readers: ArrayReader[] = [];
  const batched = specs.some((spec) => spec.batchAxis !== null);
  for (const spec of specs) readers.push(await ArrayReader.open(spec, arrays.get(spec.name)!, batched));
  const count = agreedCount(readers);
  const labels = labelArray && (await readLabels(labelArray, count));
  return {
    count,
    labels,
    classNames: null,
    noun: `samples in ${label}`,
    warnings: readers.flatMap((reader) => reader.warnings),
    async choose(order, wanted): Promise<Chosen> {
      const read = async (rows: readonly number[]) => {
        const tensors: Tensors = {};
        for (const reader of readers) tensors[reader.spec.name] = await reader.read(rows);
        return tensors;
      };
      const shapes = Object.fromEntries(readers.map((reader) => [reader.spec.name, reader.shape]));
      const chosen = firstOf(order, wanted, shapes, read);
      for (const reader of readers) if (!context.inOrder) await reader.prepare(chosen.indices);
      const close = async () => {
        for (const reader of readers) await reader.close();
      };
      return { ...chosen, close };
    },
  };
}

/** One array as one input of the model. */
class ArrayReader {
  readonly warnings: string[] = [];

  private constructor(
    readonly spec: InputSpec,
    private readonly array: NumpyArray,
    /** Dims with one sample. */
    readonly shape: number[],
    /** Samples; null where all share the value. */
    readonly count: number | null,
    private readonly shared: TensorData | null,
  ) {
    if (array.type === 'uint8' && isFloat(spec.type)) {
      this.warnings.push(
        `${array.where} holds bytes that are fed as they are (0 to 255); normalize them beforehand if the model was trained on normalized inputs.`,
      );
    }
  }

  /** @param batched whether the model stacks samples at all; where not, they are fed one by one and may differ. */
  static async open(spec: InputSpec, array: NumpyArray, batched: boolean): Promise<ArrayReader> {
    if (
      spec.batchAxis === null &&
      spec.shape.length === array.shape.length &&
      sampleFits(spec, array.shape)
    ) {
      const shared = convert(await array.readAll(), array.type, spec.type, array.where);
      return new ArrayReader(spec, array, array.shape, null, shared);
    }
    const [count, ...row] = array.shape;
    const sample = withoutOne(spec, row);
    if (array.shape.length === 0 || !sampleFits(spec, sample)) throw mismatch(spec, array);
    const shape = withSample(spec, sample);
    const shared = batched && spec.batchAxis === null ? await sharedValue(spec, array) : null;
    return new ArrayReader(spec, array, shape, count, shared);
  }

  prepare(indices: readonly number[]): Promise<void> {
    return this.shared ? Promise.resolve() : this.array.prepare(indices);
  }

  async read(rows: readonly number[]) {
    const data =
      this.shared ??
      convert(await this.array.readRows(rows), this.array.type, this.spec.type, this.array.where);
    return stackSamples(this.spec, this.shape, data, rows.length);
  }

  close(): Promise<void> {
    return this.array.close();
  }
}

/** The value of an input without a batch axis, which has to be the same in every sample. */
async function sharedValue(spec: InputSpec, array: NumpyArray): Promise<TensorData> {
  const all = convert(await array.readAll(), array.type, spec.type, array.where);
  const length = array.rowLength;
  if (all.some((value: number | bigint, i: number) => value !== all[i % length])) {
    throw new DataError(
      `${array.where} differs between samples, but the model's input "${spec.name}" has one value for a whole batch; split the data by that value.`,
    );
  }
  return all.slice(0, length);
}

/** Samples that were saved as they are fed, a batch of one each: [N, 2, 1, 128] for a state [2, batch, 128]. */
function withoutOne({ shape, batchAxis }: InputSpec, row: number[]): number[] {
  const isFed = batchAxis !== null && row.length === shape.length && row[batchAxis] === 1;
  return isFed ? row.filter((_, axis) => axis !== batchAxis) : row;
}

function withSample(spec: InputSpec, sample: readonly number[]): number[] {
  const rest = [...sample];
  return spec.shape.map((_, axis) => (axis === spec.batchAxis ? 1 : rest.shift()!));
}

function mismatch(spec: InputSpec, array: NumpyArray): DataError {
  const wanted = ['N', ...withoutBatch(withBatchNames(spec), spec.batchAxis)].join('x');
  const transposed =
    array.shape.length === 4 &&
    sampleFits(
      spec,
      [3, 1, 2].map((axis) => array.shape[axis]),
    )
      ? ' (transpose it from channels-last with numpy.transpose(x, (0, 3, 1, 2)))'
      : '';
  return new DataError(
    `${array.where} has shape ${describeShape(array.shape)}, but the model's input "${spec.name}" wants ${wanted}, N samples first${transposed}; reshape it.`,
  );
}

function withBatchNames(spec: InputSpec): string[] {
  return spec.shape.map((size, axis) => String(size ?? (spec.names[axis] || '?')));
}

function agreedCount(readers: readonly ArrayReader[]): number {
  const counted = readers.filter((reader) => reader.count !== null);
  // Only shared values: the whole file is one sample.
  if (counted.length === 0) return 1;
  const odd = counted.find((reader) => reader.count !== counted[0].count);
  if (odd) {
    throw new DataError(
      `The arrays for "${counted[0].spec.name}" and "${odd.spec.name}" have ${counted[0].count} and ${odd.count} samples; every array needs the same number.`,
    );
  }
  return counted[0].count!;
}

/** Class numbers, one for each sample. @throws DataError */
export async function readLabels(array: NumpyArray, count: number): Promise<Int32Array> {
  const { shape } = array;
  const isOne = count === 1 && product(shape) === 1;
  if (!isOne && (shape[0] !== count || array.rowLength !== 1 || shape.length === 0)) {
    throw new DataError(
      `${array.where} has shape ${describeShape(shape)}, but labels are one class number for each of the ${count} samples; store them so.`,
    );
  }
  const values = await array.readAll();
  const odd = Array.from(values as ArrayLike<number | bigint>, Number).find(
    (label) => !Number.isInteger(label) || Math.abs(label) >= 2 ** 31,
  );
  if (odd !== undefined) {
    throw new DataError(`${array.where} holds ${odd}; class numbers are whole.`);
  }
  return convert(values, array.type, 'int32', array.where) as Int32Array;
}
