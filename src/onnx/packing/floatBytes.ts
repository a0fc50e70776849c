/** Floats as the bytes of stored tensors. */
import { roundToFloat16, toFloat16Bits } from '../proto/float16';

/** @throws RangeError for a scale that float16 cannot hold, where it should */
export function scaleBytes(scales: Float32Array, half: boolean, tensor: string): Uint8Array {
  if (!half) return littleEndian(scales);
  for (const scale of scales) {
    if (roundToFloat16(scale) !== scale) {
      throw new RangeError(`Weight ${tensor}: scale ${scale} is not a float16 number.`);
    }
  }
  return halfBytes(scales, tensor);
}

/** As float16. @throws RangeError for what is too large for it */
export function halfBytes(values: Float32Array, tensor: string): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const bits = toFloat16Bits(values[i]);
    if ((bits & 0x7fff) === 0x7c00) {
      throw new RangeError(
        `Weight ${tensor} holds ${values[i]}, which float16 cannot: give it 32 or at most 8 bits.`,
      );
    }
    bytes[2 * i] = bits & 0xff;
    bytes[2 * i + 1] = bits >>> 8;
  }
  return bytes;
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return bytes;
}
