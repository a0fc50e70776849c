/** The elements of a TensorProto, from whichever field holds them. */
import { product } from '../../onnx/proto/dims';
import type { TensorProto } from '../../onnx/proto/onnx_pb';
import { DataError } from '../inputs/errors';
import { dataFromBytes, makeData, type TensorData, type TensorType, TYPES } from '../inputs/tensorTypes';

/** @throws DataError where the data is not as long as the shape says. */
export function tensorData(tensor: TensorProto, type: TensorType, where: string): TensorData {
  const length = product(tensor.dims.map(Number));
  const raw = tensor.rawData;
  const values = raw && raw.length > 0 ? null : typedField(tensor, type);
  const held = values ? values.length : (raw?.length ?? 0) / TYPES[type].bytes;
  if (held !== length || tensor.dims.some((dim) => dim < 0n)) {
    throw new DataError(
      `${where} is damaged: it holds ${held} elements of ${type} where its shape calls for ${length}; write it again.`,
    );
  }
  if (!values) return dataFromBytes(type, raw);
  const data = makeData(type, length);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < length; i++) data[i] = big ? BigInt(values[i]) : Number(values[i]);
  return data;
}

/** Per onnx.proto: small integers, booleans and the bits of float16 live in int32_data. */
function typedField(tensor: TensorProto, type: TensorType): readonly (number | bigint)[] {
  switch (type) {
    case 'float32':
      return tensor.floatData;
    case 'float64':
      return tensor.doubleData;
    case 'int64':
      return tensor.int64Data;
    case 'uint64':
    case 'uint32':
      return tensor.uint64Data;
    default:
      return tensor.int32Data;
  }
}
