/** The config that a quantized file was made with, among those in its folder. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { formatConfig } from '../../../src/config/format';
import type { BitWidth } from '../../../src/core/problem/widths';
import { configHash, sourceOf } from '../../../src/pipeline/originalOf';
import { exampleConfig } from '../features/bitMap/example';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'ompq-original-'))));
afterEach(() => rm(folder, { recursive: true }));

const config = exampleConfig();
const five: BitWidth = 5;
const bits = config.functions.map((f) => f.bits);
const write = (name: string, text: string) => writeFile(join(folder, name), text);
const find = (file: string, hash: string, of: number[] = bits) =>
  sourceOf(join(folder, file), { config: hash, bits: of });

it('is found by its hash, whatever the names are', async () => {
  await write('other.ompq.json', formatConfig({ ...config, model: { ...config.model, file: 'other.onnx' } }));
  await write('b.ompq.json', formatConfig(config));
  await write('broken.ompq.json', '{');
  expect(await find('x.onnx', configHash(config))).toMatchObject({
    path: join(folder, 'b.ompq.json'),
    isSame: true,
  });
});

it('is found by the model’s name where it was edited since, and not at all where the layers do not fit', async () => {
  const functions = config.functions.map((f, i) => (i === 1 ? { ...f, bits: five } : f));
  await write('m.ompq.json', formatConfig({ ...config, functions }));
  expect(await find('m.quantized.onnx', configHash(config))).toMatchObject({ isSame: false });
  expect(await find('n.onnx', configHash(config))).toBeNull();
  expect(await find('m.quantized.onnx', configHash(config), [4, 4])).toBeNull();
});
