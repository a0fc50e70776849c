/** Random codes and scales for tests of low-bit storage. */
import type { WeightStorage } from '../../../src/onnx/packing/quantizeModel';
import type { CodeBits } from '../../../src/onnx/packing/planes';
import type { Random } from './random';

/** Every code of the width's range is possible; scales are powers of two times 1..2 (float16 numbers too). */
export function randomCodes(
  tensor: string,
  shape: readonly number[],
  axis: number,
  bits: CodeBits,
  random: Random,
): Extract<WeightStorage, { bits: CodeBits }> {
  const count = shape.reduce((a, b) => a * b, 1);
  const limit = 2 ** (bits - 1);
  const codes = Int8Array.from({ length: count }, () => random.int(2 * limit) - limit);
  const scales = Float32Array.from({ length: shape[axis] }, () => (1024 + random.int(1024)) / 2 ** 20);
  return { tensor, bits, axis, codes, scales };
}

/** fround(code * scale): what the stored weight must unpack to. */
export function unpacked(
  shape: readonly number[],
  { axis, codes, scales }: { axis: number; codes: Int8Array; scales: Float32Array },
): Float32Array {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / inner) % shape[axis]]);
}
