/** Windows bitmaps, which sharp's own build does not decode: 1 to 32 bits per pixel, with palettes, bit fields and run lengths. */

export interface Bitmap {
  height: number;
  width: number;
  /** height x width x 3 bytes, RGB, from the top. */
  pixels: Uint8Array;
}

interface Header {
  height: number;
  width: number;
  topDown: boolean;
  bits: number;
  compression: number;
  /** Where the pixels begin. */
  offset: number;
  /** Where the palette (or the masks before it) begins. */
  afterHeader: number;
  headerBytes: number;
}

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
const ALPHA_BITFIELDS = 6;

export const isBitmap = (file: Buffer): boolean => file.length > 26 && file.toString('latin1', 0, 2) === 'BM';

/** @throws Error with a phrase: what is wrong with the file */
export function bitmapHeader(file: Buffer): Header {
  const headerBytes = file.readUInt32LE(14);
  const old = headerBytes === 12;
  if (!old && (headerBytes < 40 || file.length < 14 + headerBytes)) throw new Error('its header is damaged');
  const signedHeight = old ? file.readUInt16LE(20) : file.readInt32LE(22);
  const header: Header = {
    width: old ? file.readUInt16LE(18) : file.readInt32LE(18),
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits: file.readUInt16LE(old ? 24 : 28),
    compression: old ? RGB : file.readUInt32LE(30),
    offset: file.readUInt32LE(10),
    afterHeader: 14 + headerBytes,
    headerBytes,
  };
  if (!(header.width > 0 && header.height > 0)) throw new Error('its header is damaged');
  const known: Record<number, number[]> = {
    [RGB]: [1, 4, 8, 16, 24, 32],
    [RLE8]: [8],
    [RLE4]: [4],
    [BITFIELDS]: [16, 32],
    [ALPHA_BITFIELDS]: [16, 32],
  };
  if (!known[header.compression]?.includes(header.bits)) {
    throw new Error(`it is a bitmap of ${header.bits} bits per pixel in compression ${header.compression}`);
  }
  return header;
}

/** @throws Error with a phrase: what is wrong with the file */
export function decodeBitmap(file: Buffer): Bitmap {
  const header = bitmapHeader(file);
  const { width, height, bits, compression } = header;
  const pixels = new Uint8Array(height * width * 3);
  if (bits <= 8) {
    const palette = readPalette(file, header);
    const indices =
      compression === RGB
        ? plainIndices(file, header)
        : runLengthIndices(file.subarray(header.offset), header);
    indices.forEach((index, i) => pixels.set(palette.subarray(index * 3, index * 3 + 3), i * 3));
  } else if (bits === 24 || (bits === 32 && compression === RGB)) {
    const step = bits / 8;
    eachRow(file, header, (row, y) => {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < 3; c++) pixels[(y * width + x) * 3 + c] = row[x * step + 2 - c];
      }
    });
  } else {
    const fields = masksOf(file, header).map(fieldOf);
    eachRow(file, header, (row, y) => {
      for (let x = 0; x < width; x++) {
        const value = bits === 16 ? row.readUInt16LE(x * 2) : row.readUInt32LE(x * 4);
        fields.forEach((field, c) => (pixels[(y * width + x) * 3 + c] = field(value)));
      }
    });
  }
  return { height, width, pixels };
}

/** Rows of the file, padded to four bytes, with the line of the picture that each is. */
function eachRow(file: Buffer, header: Header, take: (row: Buffer, y: number) => void): void {
  const bytes = Math.ceil((header.width * header.bits) / 32) * 4;
  if (file.length < header.offset + bytes * header.height - 3) throw new Error('it ends too early');
  // The padding of the last row may be missing.
  for (let i = 0; i < header.height; i++) {
    const at = header.offset + i * bytes;
    take(file.subarray(at, at + bytes), header.topDown ? i : header.height - 1 - i);
  }
}

/** 256 x RGB; what the file leaves out is black. */
function readPalette(file: Buffer, { afterHeader, headerBytes, offset, bits }: Header): Uint8Array {
  const step = headerBytes === 12 ? 3 : 4;
  const palette = new Uint8Array(256 * 3);
  const count = Math.min(2 ** bits, Math.floor((Math.min(offset, file.length) - afterHeader) / step));
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) palette[i * 3 + c] = file[afterHeader + i * step + 2 - c];
  }
  return palette;
}

function plainIndices(file: Buffer, header: Header): Uint8Array {
  const { width, bits } = header;
  const indices = new Uint8Array(header.height * width);
  const perByte = 8 / bits;
  eachRow(file, header, (row, y) => {
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits * ((x % perByte) + 1);
      indices[y * width + x] = (row[Math.floor(x / perByte)] >> shift) & (2 ** bits - 1);
    }
  });
  return indices;
}

/** Runs, literal stretches, ends of lines and jumps, from the bottom line up. */
function runLengthIndices(data: Buffer, { width, height, bits, topDown }: Header): Uint8Array {
  const indices = new Uint8Array(width * height);
  let [x, y] = [0, 0];
  const put = (index: number): void => {
    if (x < width && y < height) indices[(topDown ? y : height - 1 - y) * width + x] = index;
    x++;
  };
  // Of a byte that holds one index (8 bits) or two (4 bits), the i-th.
  const part = (byte: number, i: number): number => (bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
  for (let at = 0; at + 1 < data.length && y < height;) {
    const [count, value] = [data[at], data[at + 1]];
    at += 2;
    if (count > 0) {
      for (let i = 0; i < count; i++) put(part(value, i));
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += data[at] ?? 0;
      y += data[at + 1] ?? 0;
      at += 2;
    } else {
      const bytes = Math.ceil((value * bits) / 8);
      for (let i = 0; i < value; i++) put(part(data[at + (bits === 8 ? i : i >> 1)] ?? 0, i));
      at += bytes + (bytes % 2);
    }
  }
  return indices;
}

/** Of red, green and blue. */
function masksOf(file: Buffer, { compression, bits }: Header): number[] {
  // The larger headers hold them where they follow the small one: behind its 40 bytes.
  if (compression !== RGB) return [0, 4, 8].map((at) => file.readUInt32LE(54 + at));
  return bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
}

/** The bits under a mask, stretched to 0..255. */
function fieldOf(mask: number): (value: number) => number {
  if (mask === 0) return () => 0;
  const low = mask & -mask;
  const most = Math.floor((mask >>> 0) / (low >>> 0));
  return (value) => Math.floor(((((value & mask) >>> 0) / (low >>> 0)) * 255) / most);
}
