/** IEEE 754 half precision, which Node 20 has no typed array for. */

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** Bits of the float16 nearest to `value` (ties to even); Infinity from 65520 up. */
export function toFloat16Bits(value: number): number {
  // Rounding to float32 first could round twice; for values that are float32 already it changes nothing.
  float[0] = value;
  const bits = word[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: multiples of 2^-24. Scaling by a power of two is exact.
    return sign | roundHalfEven(Math.abs(float[0]) * 2 ** 24);
  }
  const rest = magnitude & 0x1fff;
  let half = (magnitude - 0x38000000) >>> 13;
  if (rest > 0x1000 || (rest === 0x1000 && (half & 1) === 1)) half++;
  return sign | half;
}

/** The number that the bits of a float16 stand for. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** `value` rounded to what a float16 can hold. */
export function roundToFloat16(value: number): number {
  return fromFloat16Bits(toFloat16Bits(value));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
