/** IEEE 754 half precision, which Node 20 has no typed array for. */
import { f16round, getFloat16, setFloat16 } from '@petamoriken/float16';

const word = new DataView(new ArrayBuffer(2));

/** Bits of the float16 nearest to `value` (ties to even); Infinity from 65520 up. */
export function toFloat16Bits(value: number): number {
  setFloat16(word, 0, value);
  return word.getUint16(0);
}

/** The number that the bits of a float16 stand for. */
export function fromFloat16Bits(bits: number): number {
  word.setUint16(0, bits);
  return getFloat16(word, 0);
}

/** `value` rounded to what a float16 can hold. */
export function roundToFloat16(value: number): number {
  return f16round(value);
}
