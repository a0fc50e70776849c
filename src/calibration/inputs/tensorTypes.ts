/** Element types: ONNX's numbers for them, our names, their typed arrays and ranges. */
import { fromFloat16Bits } from '../../onnx/proto/float16';
import { TensorProto_DataType as DataType } from '../../onnx/proto/onnx_pb';
import { typeName } from '../../onnx/proto/tensors';
import type { Tensor } from './dataset';

export type TensorType = Tensor['type'];
export type TensorData = Tensor['data'];

interface TypeFacts {
  elemType: DataType;
  bytes: number;
  make: new (length: number) => TensorData;
  /** Range of an integer type. */
  min?: number | bigint;
  max?: number | bigint;
}

export const TYPES: Record<TensorType, TypeFacts> = {
  float32: { elemType: DataType.FLOAT, bytes: 4, make: Float32Array },
  float64: { elemType: DataType.DOUBLE, bytes: 8, make: Float64Array },
  float16: { elemType: DataType.FLOAT16, bytes: 2, make: Uint16Array },
  int64: { elemType: DataType.INT64, bytes: 8, make: BigInt64Array, min: -(2n ** 63n), max: 2n ** 63n - 1n },
  int32: { elemType: DataType.INT32, bytes: 4, make: Int32Array, min: -(2 ** 31), max: 2 ** 31 - 1 },
  int16: { elemType: DataType.INT16, bytes: 2, make: Int16Array, min: -32768, max: 32767 },
  int8: { elemType: DataType.INT8, bytes: 1, make: Int8Array, min: -128, max: 127 },
  uint64: { elemType: DataType.UINT64, bytes: 8, make: BigUint64Array, min: 0n, max: 2n ** 64n - 1n },
  uint32: { elemType: DataType.UINT32, bytes: 4, make: Uint32Array, min: 0, max: 2 ** 32 - 1 },
  uint16: { elemType: DataType.UINT16, bytes: 2, make: Uint16Array, min: 0, max: 65535 },
  uint8: { elemType: DataType.UINT8, bytes: 1, make: Uint8Array, min: 0, max: 255 },
  bool: { elemType: DataType.BOOL, bytes: 1, make: Uint8Array, min: 0, max: 1 },
};

export const isFloat = (type: TensorType) => type.startsWith('float');

/** Null for types that cannot be fed (strings, complex numbers, bfloat16). */
export function typeOfElem(elemType: number): TensorType | null {
  const found = Object.entries(TYPES).find(([, facts]) => facts.elemType === (elemType as DataType));
  return found ? (found[0] as TensorType) : null;
}

/** ONNX's name of a type, for people: "float", "string". */
export function elemTypeName(elemType: number): string {
  return typeOfElem(elemType) ?? typeName(elemType);
}

export function makeData(type: TensorType, length: number): TensorData {
  return new TYPES[type].make(length);
}

/** Pairs data with its type; `data` must be what makeData(type, ...) makes. */
export function makeTensor(type: TensorType, data: TensorData, dims: number[]): Tensor {
  return { type, data, dims } as Tensor;
}

/** The bytes as elements of `type`, copied so that alignment never matters. */
export function dataFromBytes(type: TensorType, bytes: Uint8Array): TensorData {
  const data = makeData(type, bytes.length / TYPES[type].bytes);
  new Uint8Array(data.buffer).set(bytes);
  return data;
}

/** Numbers of a float tensor. */
export function numbers(tensor: Tensor): ArrayLike<number> {
  return tensor.type === 'float16'
    ? Float32Array.from(tensor.data, fromFloat16Bits)
    : (tensor.data as Float32Array);
}
