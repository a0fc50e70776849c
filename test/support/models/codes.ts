/** Random codes and scales for tests of low-bit storage. */
import { scaleCount } from '../../../src/onnx/network/scaleAxes';
import type { CodeBits } from '../../../src/onnx/packing/planes';
import type { WeightStorage } from '../../../src/onnx/packing/quantizeModel';
import type { Random } from './random';

/** Every code of the width's range is possible; scales are powers of two times 1..2 (float16 numbers too). */
export function randomCodes(
  tensor: string,
  shape: readonly number[],
  axis: number,
  bits: CodeBits,
  random: Random,
  apart?: readonly number[],
): Extract<WeightStorage, { bits: CodeBits }> {
  const count = shape.reduce((a, b) => a * b, 1);
  const limit = 2 ** (bits - 1);
  const codes = Int8Array.from({ length: count }, () => random.int(2 * limit) - limit);
  const scales = Float32Array.from(
    { length: scaleCount({ shape, axis, apart }) },
    () => (1024 + random.int(1024)) / 2 ** 20,
  );
  return { tensor, bits, axis, apart, codes, scales };
}

/** fround(code * scale): what the stored weight must unpack to. */
export function unpacked(
  shape: readonly number[],
  {
    axis,
    apart = [],
    codes,
    scales,
  }: { axis: number; apart?: readonly number[]; codes: Int8Array; scales: Float32Array },
): Float32Array {
  const place = (i: number, each: number) => {
    const inner = shape.slice(each + 1).reduce((a, b) => a * b, 1);
    return Math.floor(i / inner) % shape[each];
  };
  return Float32Array.from(codes, (code, i) => {
    const at = [...apart, axis].reduce((index, each) => index * shape[each] + place(i, each), 0);
    return code * scales[at];
  });
}
