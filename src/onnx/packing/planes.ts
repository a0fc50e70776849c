/** Codes of 2 to 8 bits as bit planes: whole bytes of 1-, 2- or 4-bit fields, so that no bit of the file is wasted. */

/** Bit-widths at which weights are stored as integer codes. */
export type CodeBits = 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** One plane: a field of `bits` bits of every code, `shift` bits above the code's lowest bit. */
export interface Plane {
  bits: 1 | 2 | 4;
  shift: number;
  /** The top plane carries the sign. */
  signed: boolean;
}

/** Planes of a width below 8, top first. */
export function planesOf(bits: Exclude<CodeBits, 8>): Plane[] {
  const fields: Record<Exclude<CodeBits, 8>, (1 | 2 | 4)[]> = {
    2: [2],
    3: [2, 1],
    4: [4],
    5: [4, 1],
    6: [4, 2],
    7: [4, 2, 1],
  };
  let below: number = bits;
  return fields[bits].map((width, index) => ({ bits: width, shift: (below -= width), signed: index === 0 }));
}

/** Number of codes after padding: planes hold whole bytes at every field width. */
export function paddedLength(count: number): number {
  return Math.ceil(count / 8) * 8;
}

/** Codes of a row that starts with a byte of its own in every plane. */
export function paddedRow(length: number, bits: Exclude<CodeBits, 8>): number {
  const perByte = 8 / planesOf(bits).at(-1)!.bits;
  return Math.ceil(length / perByte) * perByte;
}

/** Rows of `length` codes, each filled up to `padded` codes with zeros. */
export function paddedRows(codes: Int8Array, length: number, padded: number): Int8Array {
  if (padded === length) return codes;
  const rows = new Int8Array((codes.length / length) * padded);
  for (let from = 0, to = 0; from < codes.length; from += length, to += padded) {
    rows.set(codes.subarray(from, from + length), to);
  }
  return rows;
}

/** Bytes of one plane of `count` codes. */
function planeBytes(count: number, plane: Plane): number {
  return (paddedLength(count) * plane.bits) / 8;
}

/** One plane of two's complement codes, low field first in each byte, padded with zero codes to `bytes`. */
export function packPlane(
  codes: Int8Array,
  plane: Plane,
  bytes = planeBytes(codes.length, plane),
): Uint8Array {
  const packed = new Uint8Array(bytes);
  const mask = (1 << plane.bits) - 1;
  const perByte = 8 / plane.bits;
  for (let i = 0; i < codes.length; i++) {
    const field = (codes[i] >> plane.shift) & mask;
    packed[Math.floor(i / perByte)] |= field << (plane.bits * (i % perByte));
  }
  return packed;
}

/** The value of each field of a plane within its code: what the byte look-up puts back. */
export function fieldValues(plane: Plane): Int8Array {
  const size = 1 << plane.bits;
  return Int8Array.from({ length: size }, (_, field) => {
    const value = plane.signed && field >= size / 2 ? field - size : field;
    return value << plane.shift;
  });
}

/** Throws a RangeError unless every code fits into two's complement of `bits` bits. */
export function checkCodes(codes: Int8Array, bits: CodeBits): void {
  const limit = 1 << (bits - 1);
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] < -limit || codes[i] >= limit) {
      throw new RangeError(`Code ${codes[i]} does not fit into ${bits} bits.`);
    }
  }
}
