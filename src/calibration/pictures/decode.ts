/** Pictures decoded and resized by sharp, which is loaded on first use because it is native. */
import { type Bitmap, bitmapHeader, decodeBitmap, isBitmap } from './bmp';
import { readFile, stat } from 'node:fs/promises';
import type sharpModule from 'sharp';
import type { Sharp } from 'sharp';
import { DataError, firstLine } from '../inputs/errors';
import { cutWindow, place } from './geometry';

export interface PictureTarget {
  height: number;
  width: number;
  channels: 1 | 3 | 4;
  resize: 'crop' | 'stretch' | 'pad';
  /** See preprocessing.ts; used with 'crop'. */
  margin: number;
  /** Pictures that have this size are taken as they are, without a margin. */
  keepExact?: boolean;
}

export interface Decoded {
  /** height x width x channels bytes. */
  pixels: Uint8Array;
  /** Had the picture the wanted size, and was it taken as it is? */
  exact: boolean;
}

/** More than any camera takes; a file that claims more lies. */
const MAX_PIXELS = 200e6;
/** Between shrinking and cutting out; only a picture of extreme proportions takes more. */
const MAX_DECODED_BYTES = 128 * 1024 * 1024;
const MAX_FILE_BYTES = 128 * 1024 * 1024;
const DECODE_SECONDS = 60;

let loading: Promise<typeof sharpModule> | null = null;

async function loadSharp(): Promise<typeof sharpModule> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    // Only what decodes plain pixels: no SVG (which could read other files), no documents.
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({
      operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((kind) => `VipsForeignLoad${kind}`),
    });
    sharp.cache(false);
    // Several pictures are decoded at once; one thread for each is the most work done.
    sharp.concurrency(1);
    return sharp;
  });
  try {
    return await loading;
  } catch (error) {
    loading = null;
    throw new DataError(
      `Pictures cannot be decoded here because sharp does not load (${firstLine(error)}); give a .npy or .npz instead.`,
    );
  }
}

/** Why a picture cannot be used, as a phrase; the caller names the file. */
export class PictureError extends Error {}

async function readPicture(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size === 0) throw new PictureError('it is empty');
  if (size > MAX_FILE_BYTES) throw new PictureError('the file is too large');
  return readFile(path);
}

async function openPicture(file: Buffer): Promise<Sharp> {
  const sharp = await loadSharp();
  if (isBitmap(file)) {
    refuseHuge(bitmapHeader(file));
    return fromPixels(decodeBitmap(file));
  }
  // Profiles and rotation tags are left alone, as the usual training code (PIL, torchvision) leaves them.
  const picture = sharp(file, {
    failOn: 'error',
    limitInputPixels: MAX_PIXELS,
    ignoreIcc: true,
  }).timeout({ seconds: DECODE_SECONDS });
  const { space } = await picture.metadata();
  return space === 'cmyk' ? fromInk(picture) : picture;
}

async function fromPixels({ height, width, pixels }: Bitmap): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(pixels, { raw: { height, width, channels: 3 } });
}

/** Cyan, magenta, yellow and black to RGB without a profile, rounded as PIL's convert('RGB') does. */
async function fromInk(picture: Sharp): Promise<Sharp> {
  const { data, info } = await picture
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { height, width, channels } = info;
  const pixels = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) {
    const light = 255 - data[i * channels + 3];
    for (let c = 0; c < 3; c++) {
      const product = data[i * channels + c] * light + 128;
      pixels[i * 3 + c] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return fromPixels({ height, width, pixels });
}

function refuseHuge({ height, width }: { height: number; width: number }): void {
  if (height * width > MAX_PIXELS) throw new PictureError(`it claims to be ${width} x ${height} pixels`);
}

/** Size as the header tells it, without decoding. @throws PictureError */
export async function pictureSize(path: string): Promise<{ height: number; width: number }> {
  return guarded(async () => {
    const file = await readPicture(path);
    const sharp = await loadSharp();
    const { height, width } = isBitmap(file) ? bitmapHeader(file) : await sharp(file).metadata();
    refuseHuge({ height, width });
    return { height, width };
  });
}

/** @throws PictureError */
export async function decodePicture(path: string, target: PictureTarget): Promise<Decoded> {
  return guarded(async () => {
    const picture = await openPicture(await readPicture(path));
    const size = await picture.metadata();
    const exact = target.keepExact === true && size.height === target.height && size.width === target.width;
    const placement = place(size, target, target.resize, exact ? 1 : target.margin);
    // sharp shrinks (antialiased bilinear, as PIL and torchvision do); enlarging is left to cutWindow.
    const height = Math.min(size.height, placement.scaled.height);
    const width = Math.min(size.width, placement.scaled.width);
    if (height * width * 4 > MAX_DECODED_BYTES) throw new PictureError('its proportions are too extreme');
    const shrunk = picture.resize({ height, width, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
    const { data, info } = await (target.channels === 4 ? shrunk.ensureAlpha() : shrunk.removeAlpha())
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = withChannels(data, info.channels, target.channels);
    return { pixels: cutWindow(pixels, { height, width }, target.channels, placement, target), exact };
  });
}

function withChannels(data: Uint8Array, held: number, wanted: number): Uint8Array {
  if (held === wanted) return data;
  const area = data.length / held;
  const out = new Uint8Array(area * wanted);
  for (let i = 0; i < area; i++) {
    const at = i * held;
    if (wanted === 1) {
      // ITU-R 601, rounded as PIL's convert('L') does.
      out[i] = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
    } else {
      // Grey with or without opacity, to RGB(A).
      out.fill(data[at], i * wanted, i * wanted + 3);
      if (wanted === 4) out[i * 4 + 3] = held === 2 ? data[at + 1] : 255;
    }
  }
  return out;
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataError || error instanceof PictureError) throw error;
    throw new PictureError(firstLine(error));
  }
}
