/** Real files for the tests, in a folder that goes away afterwards. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll } from 'vitest';
import type { DataSpec } from '../../../src/calibration/inputs/spec';
import type { GraphInput } from '../../../src/onnx/network/network';
import type { Dimension } from '../../../src/onnx/proto/dims';

export const FLOAT = 1;
export const UINT8 = 2;
export const INT8 = 3;
export const INT32 = 6;
export const INT64 = 7;
export const STRING = 8;
export const BOOL = 9;
export const FLOAT16 = 10;

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ompq-calibration-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function put(path: string, content: Uint8Array | string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

export const input = (name: string, shape: Dimension[], elemType = FLOAT): GraphInput => ({
  name,
  elemType,
  shape,
});

export const dataSpec = (path: string | null, changes: Partial<DataSpec> = {}): DataSpec => ({
  path,
  samples: 64,
  seed: 0,
  shapes: {},
  preprocessing: { preset: 'raw' },
  ...changes,
});

/** A .npy, version 1, C order, little-endian; `header` overrides what its dict says. */
export function npy(descr: string, shape: number[], data: ArrayBufferView, header?: string): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = header ?? `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padded = dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11) + '\n';
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([
    head,
    Buffer.from(padded, 'latin1'),
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  ]);
}

/** One colour all over. */
export function plainPicture(height: number, width: number, [r, g, b]: number[]) {
  return sharp({ create: { height, width, channels: 3, background: { r, g, b } } });
}

/** Pixel (y, x, c) has the value that `value` gives. */
export function picture(height: number, width: number, value: (y: number, x: number, c: number) => number) {
  const pixels = new Uint8Array(height * width * 3);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = value(Math.floor(i / 3 / width), Math.floor(i / 3) % width, i % 3);
  }
  return sharp(pixels, { raw: { height, width, channels: 3 } });
}

/** The error that a promise ends in; fails the test where it does not. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

export const list = (data: ArrayLike<number | bigint>): (number | bigint)[] => Array.from(data);
export const numbers = (data: ArrayLike<number | bigint>): number[] => Array.from(data, Number);
