/** Random codes and scales for tests of low-bit storage. */
import { scaleCount, type ScaleGroup } from '../../../src/onnx/network/scaleAxes';
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
  group?: ScaleGroup,
): Extract<WeightStorage, { bits: CodeBits }> {
  const count = shape.reduce((a, b) => a * b, 1);
  const limit = 2 ** (bits - 1);
  const codes = Int8Array.from({ length: count }, () => random.int(2 * limit) - limit);
  const scales = Float32Array.from(
    { length: scaleCount({ shape, axis, apart, group }) },
    () => (1024 + random.int(1024)) / 2 ** 20,
  );
  return { tensor, bits, axis, apart, ...(group ? { group } : {}), codes, scales };
}

/** fround(code * scale): what the stored weight must unpack to. Scales lie in the order of the axes that have some. */
export function unpacked(
  shape: readonly number[],
  {
    axis,
    apart = [],
    group,
    codes,
    scales,
  }: {
    axis: number;
    apart?: readonly number[];
    group?: ScaleGroup;
    codes: Int8Array;
    scales: Float32Array;
  },
): Float32Array {
  const steps = new Map([...apart, axis].map((each) => [each, 1]));
  if (group) steps.set(group.axis, group.size);
  const axes = [...steps].sort(([a], [b]) => a - b);
  const place = (i: number, each: number) => {
    const inner = shape.slice(each + 1).reduce((a, b) => a * b, 1);
    return Math.floor(i / inner) % shape[each];
  };
  return Float32Array.from(codes, (code, i) => {
    const at = axes.reduce(
      (index, [each, step]) => index * (shape[each] / step) + Math.floor(place(i, each) / step),
      0,
    );
    return code * scales[at];
  });
}
