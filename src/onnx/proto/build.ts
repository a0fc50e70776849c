/** Small constructors for the parts of an ONNX graph. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Dimension } from './dims';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb';

/** Marks numbers as FLOAT(S): plain numbers become INT(S). */
class Floats {
  constructor(readonly values: number | readonly number[]) {}
}

export const float = (value: number): Floats => new Floats(value);
export const floats = (values: readonly number[]): Floats => new Floats(values);

export type AttributeValue =
  number | bigint | string | Floats | readonly number[] | readonly string[] | TensorProto | GraphProto;

const utf8 = new TextEncoder();

/** @throws TypeError for a fractional number that is not marked with `float`. */
export function attribute(name: string, value: AttributeValue): AttributeProto {
  const make = (fields: MessageInitShape<typeof AttributeProtoSchema>, type: AttributeType) =>
    create(AttributeProtoSchema, { ...fields, name, type });
  if (typeof value === 'number' || typeof value === 'bigint') {
    return make({ i: BigInt(value) }, AttributeType.INT);
  }
  if (typeof value === 'string') return make({ s: utf8.encode(value) }, AttributeType.STRING);
  if (value instanceof Floats) {
    return typeof value.values === 'number'
      ? make({ f: Math.fround(value.values) }, AttributeType.FLOAT)
      : make({ floats: value.values.map(Math.fround) }, AttributeType.FLOATS);
  }
  if (isList(value)) {
    return value.length > 0 && typeof value[0] === 'string'
      ? make({ strings: (value as string[]).map((text) => utf8.encode(text)) }, AttributeType.STRINGS)
      : make({ ints: (value as number[]).map(BigInt) }, AttributeType.INTS);
  }
  if (value.$typeName === 'onnx.TensorProto') return make({ t: value }, AttributeType.TENSOR);
  return make({ g: value }, AttributeType.GRAPH);
}

function isList(value: AttributeValue): value is readonly number[] | readonly string[] {
  return Array.isArray(value);
}

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, AttributeValue> = {},
  options: { name?: string; domain?: string } = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.domain === undefined ? {} : { domain: options.domain }),
  });
}

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

function typeOf(data: TensorData): DataType {
  if (data instanceof Float32Array) return DataType.FLOAT;
  if (data instanceof Float64Array) return DataType.DOUBLE;
  if (data instanceof Int8Array) return DataType.INT8;
  if (data instanceof Uint8Array) return DataType.UINT8;
  if (data instanceof Int16Array) return DataType.INT16;
  if (data instanceof Uint16Array) return DataType.UINT16;
  if (data instanceof Int32Array) return DataType.INT32;
  if (data instanceof Uint32Array) return DataType.UINT32;
  if (data instanceof BigInt64Array) return DataType.INT64;
  return DataType.UINT64;
}

/**
 * A tensor stored as raw_data. `dims` [] is a scalar. The type follows from the array; give `dataType` where the array
 * holds encoded bits (FLOAT16 in a Uint16Array, BOOL in a Uint8Array). The bytes are shared with `data`, not copied.
 * @throws RangeError when dims and data disagree.
 */
export function tensor(
  name: string,
  dims: readonly number[],
  data: TensorData,
  dataType: DataType = typeOf(data),
): TensorProto {
  const elements = dims.reduce((product, dim) => product * dim, 1);
  if (elements !== data.length) {
    throw new RangeError(`tensor ${name}: [${dims.join(', ')}] is not ${data.length} elements`);
  }
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType,
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}

/** A 1-D int64 tensor, as shapes, axes and pads are given. */
export function int64s(name: string, values: readonly number[]): TensorProto {
  return tensor(name, [values.length], BigInt64Array.from(values, BigInt));
}

/** A float32 scalar. */
export function scalar(name: string, value: number): TensorProto {
  return tensor(name, [], Float32Array.of(value));
}

/** A graph input or output. `shape` null: rank unknown; a string dimension is symbolic, '' unnamed. */
export function valueInfo(
  name: string,
  elemType: number,
  shape: readonly Dimension[] | null,
): ValueInfoProto {
  const dim = shape?.map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof size === 'number'
          ? { case: 'dimValue', value: BigInt(size) }
          : size === ''
            ? { case: undefined }
            : { case: 'dimParam', value: size },
    }),
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, ...(dim ? { shape: { dim } } : {}) } } },
  });
}
