/** Weights as the exported file will unpack them, under the names the model knows them by. */
import { scaleIndex } from '../network/scaleAxes';
import { tensor } from '../proto/build';
import { fromFloat16Bits, toFloat16Bits } from '../proto/float16';
import { type TensorProto, TensorProto_DataType as DataType } from '../proto/onnx_pb';
import type { WeightStorage } from './quantizeModel';
import type { StoredWeight } from './storedWeight';
import { isWiderThanHalf } from './unpack';

/** The fake-quantized tensor; null where the stored weight stays as it is. */
export function unpackedTensor(weight: StoredWeight, storage: WeightStorage): TensorProto | null {
  if (storage.bits === 32) return null;
  if (storage.bits === 16) {
    if (!isWiderThanHalf(weight.dataType)) return null;
    const rounded = storage.values.map((value) => fromFloat16Bits(toFloat16Bits(value)));
    return tensor(weight.tensor, weight.shape, rounded);
  }
  const { codes, scales, group } = storage;
  const scaleOf = scaleIndex({ ...weight, group });
  // One rounding, to float32: what ONNX Runtime's Mul does.
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = codes[i] * scales[scaleOf(i)];
  return typedTensor(weight, values);
}

function typedTensor({ tensor: name, shape, dataType }: StoredWeight, values: Float32Array): TensorProto {
  switch (dataType as DataType) {
    case DataType.FLOAT16:
      return tensor(name, shape, Uint16Array.from(values, toFloat16Bits), DataType.FLOAT16);
    case DataType.BFLOAT16:
      return tensor(name, shape, bfloat16Bits(values), DataType.BFLOAT16);
    default:
      return tensor(name, shape, values);
  }
}

/** Upper halves, rounded to nearest even. */
function bfloat16Bits(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
}
