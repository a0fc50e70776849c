/** From the type that data was stored in to the type that the model wants. */
import { fromFloat16Bits, toFloat16Bits } from '../../onnx/proto/float16';
import { DataError } from './errors';
import { isFloat, makeData, TYPES, type TensorData, type TensorType } from './tensorTypes';

/**
 * Floats are rounded to the wanted precision; integers must fit, and floats become integers only where they are whole.
 * @param where what the data is, to begin an error with: 'Array "x" of data.npz'.
 * @throws DataError naming the first value that does not fit.
 */
export function convert(data: TensorData, from: TensorType, to: TensorType, where: string): TensorData {
  if (from === to && to !== 'bool') return data;
  const out = makeData(to, data.length);
  const read = reader(data, from);
  const refuse = (value: number | bigint): never => {
    throw new DataError(
      `${where} holds ${value}, which the model's input type ${to} cannot represent; store the array as ${to}.`,
    );
  };
  if (to === 'float16') {
    for (let i = 0; i < out.length; i++) {
      const value = Number(read(i));
      const bits = toFloat16Bits(value);
      if ((bits & 0x7fff) === 0x7c00 && Number.isFinite(value)) refuse(value);
      out[i] = bits;
    }
  } else if (isFloat(to)) {
    for (let i = 0; i < out.length; i++) out[i] = Number(read(i));
  } else {
    const min = TYPES[to].min!;
    const max = TYPES[to].max!;
    const wide = typeof min === 'bigint';
    for (let i = 0; i < out.length; i++) {
      const value = read(i);
      // Comparisons between number and bigint are exact.
      if (value < min || value > max || (typeof value === 'number' && !Number.isInteger(value)))
        refuse(value);
      out[i] = wide ? BigInt(value) : Number(value);
    }
  }
  return out;
}

function reader(data: TensorData, type: TensorType): (i: number) => number | bigint {
  return type === 'float16' ? (i) => fromFloat16Bits(data[i] as number) : (i) => data[i];
}
