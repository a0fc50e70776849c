/** Values of tensors, in whichever of ONNX's storage forms they come. */
import { OnnxError } from '../../common/fileErrors';
import { isExternal, readExternal } from './external';
import { fromFloat16Bits } from './float16';
import { TensorProto_DataType as DataType, type TensorProto } from './onnx_pb';

/** Field of TensorProto that holds values which are not in raw_data, per type (onnx.proto, TensorProto). */
type Field = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

interface Storage {
  /** Bytes per element in raw_data. */
  bytes: number;
  field: Field;
  view: (buffer: ArrayBuffer) => ArrayLike<number | bigint>;
  /** From the stored integer to the number it encodes, for the 16-bit floats. */
  decode?: (bits: number) => number;
}

const STORAGE: Partial<Record<number, Storage>> = {
  [DataType.FLOAT]: { bytes: 4, field: 'floatData', view: (b) => new Float32Array(b) },
  [DataType.DOUBLE]: { bytes: 8, field: 'doubleData', view: (b) => new Float64Array(b) },
  [DataType.FLOAT16]: {
    bytes: 2,
    field: 'int32Data',
    view: (b) => new Uint16Array(b),
    decode: (bits) => fromFloat16Bits(bits & 0xffff),
  },
  [DataType.BFLOAT16]: {
    bytes: 2,
    field: 'int32Data',
    view: (b) => new Uint16Array(b),
    decode: fromBfloat16Bits,
  },
  [DataType.INT8]: { bytes: 1, field: 'int32Data', view: (b) => new Int8Array(b) },
  [DataType.UINT8]: { bytes: 1, field: 'int32Data', view: (b) => new Uint8Array(b) },
  [DataType.BOOL]: { bytes: 1, field: 'int32Data', view: (b) => new Uint8Array(b) },
  [DataType.INT16]: { bytes: 2, field: 'int32Data', view: (b) => new Int16Array(b) },
  [DataType.UINT16]: { bytes: 2, field: 'int32Data', view: (b) => new Uint16Array(b) },
  [DataType.INT32]: { bytes: 4, field: 'int32Data', view: (b) => new Int32Array(b) },
  [DataType.UINT32]: { bytes: 4, field: 'uint64Data', view: (b) => new Uint32Array(b) },
  [DataType.INT64]: { bytes: 8, field: 'int64Data', view: (b) => new BigInt64Array(b) },
  [DataType.UINT64]: { bytes: 8, field: 'uint64Data', view: (b) => new BigUint64Array(b) },
};

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);

/** bfloat16 is the upper half of a float32. */
function fromBfloat16Bits(bits: number): number {
  word[0] = bits << 16;
  return wordAsFloat[0];
}

/** Name of a TensorProto.DataType for people: "float16"; "type 23" where it is newer than we are, "type 0" for none. */
export function typeName(dataType: number): string {
  const name = (DataType as Record<number, string | undefined>)[dataType];
  return name === undefined || dataType === (DataType.UNDEFINED as number)
    ? `type ${dataType}`
    : name.toLowerCase();
}

/** @throws OnnxError for negative or absurd sizes. */
export function dimsOf(tensor: TensorProto): number[] {
  const dims = tensor.dims.map(Number);
  const elements = dims.reduce((product, dim) => product * dim, 1);
  if (dims.some((dim) => dim < 0) || !Number.isSafeInteger(elements)) {
    throw new OnnxError(`The tensor "${tensor.name}" has the impossible shape [${dims.join(', ')}].`);
  }
  return dims;
}

/** Number of elements; 1 for a scalar. */
export function elementCount(tensor: TensorProto): number {
  return dimsOf(tensor).reduce((product, dim) => product * dim, 1);
}

/** Bytes per element in raw_data. @throws OnnxError for types that cannot be read */
export function elementBytes(tensor: TensorProto): number {
  return storageOf(tensor).bytes;
}

function storageOf(tensor: TensorProto): Storage {
  const storage = STORAGE[tensor.dataType];
  if (!storage) {
    throw new OnnxError(
      `The tensor "${tensor.name}" holds values of ${typeName(tensor.dataType)}, which cannot be read.`,
    );
  }
  return storage;
}

/**
 * The values as float32, row-major; integers beyond 2^24 and doubles are rounded.
 * @param modelPath where the tensor's model lies, for weights in external files
 * @throws OnnxError where shape, type and stored bytes do not agree, or an external file cannot be read.
 */
export async function readFloats(tensor: TensorProto, modelPath: string): Promise<Float32Array> {
  const storage = storageOf(tensor);
  const count = elementCount(tensor);
  const stored = isExternal(tensor)
    ? view(await readExternal(tensor, modelPath, count * storage.bytes), storage)
    : inlineValues(tensor, storage, count);
  if (stored instanceof Float32Array) return stored;
  const values = new Float32Array(count);
  const { decode } = storage;
  for (let i = 0; i < count; i++) {
    const value = Number(stored[i]);
    values[i] = decode ? decode(value) : value;
  }
  return values;
}

/**
 * The values of a small tensor inside the file (shapes, axes, pads, limits); null where there are more than `limit`,
 * they are in another file, or they do not agree with the shape.
 */
export function smallValues(tensor: TensorProto, limit = 1024): number[] | null {
  const storage = STORAGE[tensor.dataType];
  if (!storage || isExternal(tensor)) return null;
  try {
    const count = elementCount(tensor);
    if (count > limit) return null;
    const { decode } = storage;
    return Array.from(inlineValues(tensor, storage, count), (value) =>
      decode ? decode(Number(value)) : Number(value),
    );
  } catch (error) {
    if (error instanceof OnnxError) return null;
    throw error;
  }
}

/** The values of an integer tensor inside the file. @throws OnnxError where they do not agree with the shape */
export function readIntegers(tensor: TensorProto): number[] {
  return Array.from(inlineValues(tensor, storageOf(tensor), elementCount(tensor)), Number);
}

function inlineValues(tensor: TensorProto, storage: Storage, count: number): ArrayLike<number | bigint> {
  const raw = tensor.rawData;
  const typed = tensor[storage.field];
  const stored = raw.length > 0 ? raw.length / storage.bytes : typed.length;
  if (stored !== count) {
    throw new OnnxError(
      `The tensor "${tensor.name}" has the shape [${tensor.dims.join(', ')}] but holds ${stored} values.`,
    );
  }
  return raw.length > 0 ? view(raw, storage) : typed;
}

/** Little-endian, as raw_data is and as every platform of ours is; copied, since raw_data may lie at an odd address. */
function view(bytes: Uint8Array, storage: Storage): ArrayLike<number | bigint> {
  const aligned = bytes.byteOffset % storage.bytes === 0 && bytes.byteLength === bytes.buffer.byteLength;
  // Not slice(): a Buffer's slice is no copy.
  return storage.view((aligned ? bytes.buffer : new Uint8Array(bytes).buffer) as ArrayBuffer);
}
