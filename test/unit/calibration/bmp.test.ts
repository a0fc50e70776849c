import { describe, expect, it } from 'vitest';
import { decodeBitmap, isBitmap } from '../../../src/calibration/pictures/bmp';

const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];
const WHITE = [255, 255, 255];

/** A bitmap of 2 x 2 pixels: red and green above blue and white. */
function bitmap(
  bits: number,
  data: number[],
  { compression = 0, palette = [] as number[][], masks = [] as number[], topDown = false } = {},
): Buffer {
  const extra = 4 * (palette.length + masks.length);
  const file = Buffer.alloc(54 + extra + data.length);
  file.write('BM', 'latin1');
  file.writeUInt32LE(54 + extra, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(2, 18);
  file.writeInt32LE(topDown ? -2 : 2, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(bits, 28);
  file.writeUInt32LE(compression, 30);
  masks.forEach((mask, i) => file.writeUInt32LE(mask, 54 + 4 * i));
  palette.forEach(([r, g, b], i) => file.set([b, g, r, 0], 54 + 4 * (masks.length + i)));
  file.set(data, 54 + extra);
  return file;
}

const palette = [RED, GREEN, BLUE, WHITE];
const bgr = (rgb: number[]) => [...rgb].reverse();
const lower = [...bgr(BLUE), ...bgr(WHITE), 0, 0];
const upper = [...bgr(RED), ...bgr(GREEN), 0, 0];

describe('bitmaps', () => {
  it.each([
    ['24 bits', bitmap(24, [...lower, ...upper])],
    ['24 bits from the top', bitmap(24, [...upper, ...lower], { topDown: true })],
    [
      '32 bits',
      bitmap(
        32,
        [BLUE, WHITE, RED, GREEN].flatMap((rgb) => [...bgr(rgb), 77]),
      ),
    ],
    ['16 bits, 5 for each', bitmap(16, [0x1f, 0, 0xff, 0x7f, 0, 0x7c, 0xe0, 0x03])],
    [
      '16 bits, 6 for green',
      bitmap(16, [0x1f, 0, 0xff, 0xff, 0, 0xf8, 0xe0, 0x07], {
        compression: 3,
        masks: [0xf800, 0x7e0, 0x1f],
      }),
    ],
    ['8 bits', bitmap(8, [2, 3, 0, 0, 0, 1, 0, 0], { palette })],
    ['4 bits', bitmap(4, [0x23, 0, 0, 0, 0x01, 0, 0, 0], { palette })],
    ['8 bits in runs', bitmap(8, [1, 2, 1, 3, 0, 0, 1, 0, 1, 1, 0, 1], { compression: 1, palette })],
    ['4 bits in runs', bitmap(4, [2, 0x23, 0, 0, 1, 0x00, 1, 0x10, 0, 1], { compression: 2, palette })],
  ])('of %s', (_, file) => {
    expect(isBitmap(file)).toBe(true);
    const { height, width, pixels } = decodeBitmap(file);
    expect([height, width]).toEqual([2, 2]);
    expect([...pixels]).toEqual([RED, GREEN, BLUE, WHITE].flat());
  });

  it('of one bit take the palette from the file', () => {
    const file = bitmap(1, [0b10000000, 0, 0, 0, 0b01000000, 0, 0, 0], { palette: [RED, BLUE] });
    expect([...decodeBitmap(file).pixels]).toEqual([RED, BLUE, BLUE, RED].flat());
  });

  it('that are cut off or of no known kind are refused in words', () => {
    expect(() => decodeBitmap(bitmap(24, [1, 2, 3]))).toThrow(/ends too early/);
    expect(() => decodeBitmap(bitmap(24, lower, { compression: 4 }))).toThrow(
      /24 bits per pixel in compression 4/,
    );
  });
});
