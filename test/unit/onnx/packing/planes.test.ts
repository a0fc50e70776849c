import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromFloat16Bits, toFloat16Bits } from '../../../../src/onnx/proto/float16';
import {
  checkCodes,
  fieldValues,
  packPlane,
  planesOf,
  type CodeBits,
} from '../../../../src/onnx/packing/planes';

const widths = [2, 3, 4, 5, 6, 7] as const;

/** Reads planes as ONNX Runtime will: byte look-up, fields joined by "or". */
function unpack(planes: Uint8Array[], bits: Exclude<CodeBits, 8>, count: number): number[] {
  const codes = new Array<number>(count).fill(0);
  planesOf(bits).forEach((plane, p) => {
    const values = fieldValues(plane);
    const perByte = 8 / plane.bits;
    for (let i = 0; i < count; i++) {
      const byte = planes[p][Math.floor(i / perByte)];
      codes[i] |= values[(byte >> (plane.bits * (i % perByte))) % values.length];
    }
  });
  return codes;
}

describe('bit planes', () => {
  it.each(widths)('hold every code of %i bits, at sizes that are no multiple of 8', (bits) => {
    const limit = 2 ** (bits - 1);
    const code = fc.integer({ min: -limit, max: limit - 1 });
    fc.assert(
      fc.property(fc.array(code, { maxLength: 67 }), (values) => {
        const codes = Int8Array.from(values);
        const planes = planesOf(bits).map((plane) => packPlane(codes, plane));
        expect(unpack(planes, bits, codes.length)).toEqual(values);
        const stored = planes.reduce((sum, plane) => sum + plane.length, 0);
        expect(stored).toBe((Math.ceil(codes.length / 8) * 8 * bits) / 8);
      }),
    );
  });

  it('are laid out as specified: top plane first, low field first', () => {
    expect(planesOf(7)).toEqual([
      { bits: 4, shift: 3, signed: true },
      { bits: 2, shift: 1, signed: false },
      { bits: 1, shift: 0, signed: false },
    ]);
    // 3 bits: -4 = 100, 3 = 011, -1 = 111: top two bits 10, 01, 11 from the low end; low bits 0, 1, 1.
    const codes = Int8Array.of(-4, 3, -1);
    const [top, low] = planesOf(3).map((plane) => [...packPlane(codes, plane)]);
    expect(top).toEqual([0b110110, 0]);
    expect(low).toEqual([0b110]);
  });

  it('refuse codes that do not fit', () => {
    expect(() => checkCodes(Int8Array.of(3, 4), 3)).toThrow('Code 4 does not fit into 3 bits.');
    expect(() => checkCodes(Int8Array.of(-9), 4)).toThrow(RangeError);
    expect(() => checkCodes(Int8Array.of(-128, 127), 8)).not.toThrow();
  });
});

describe('float16', () => {
  it('survives the way there and back for every bit pattern that is a number', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromFloat16Bits(bits);
      if (!Number.isNaN(value)) expect(toFloat16Bits(value)).toBe(bits);
    }
  });

  it('rounds to the nearest, ties to even', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0x7bfe }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (bits, t) => {
          const [low, high] = [fromFloat16Bits(bits), fromFloat16Bits(bits + 1)];
          const value = Math.fround(low + t * (high - low));
          const expected =
            value - low < high - value ? bits : value - low > high - value ? bits + 1 : bits + (bits & 1);
          expect(toFloat16Bits(value)).toBe(expected);
        },
      ),
    );
    expect(toFloat16Bits(65519)).toBe(0x7bff);
    expect(toFloat16Bits(65520)).toBe(0x7c00);
    expect(toFloat16Bits(NaN)).toBe(0x7e00);
  });
});
