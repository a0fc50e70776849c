import { mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { externalLocations } from '../../src/onnx/proto/external';
import { readModel } from '../../src/onnx/files/file';
import { branched } from '../support/models/branched';
import { tinyCnn } from '../support/models/zoo';
import { compare, quantize } from './exporting';
import {
  expectSameOrm,
  referenceGrams,
  save,
  saveExternal,
  scoreOnce,
  scratch,
  startEngine,
  synthetic,
} from './harness';

it('weights of branches in a file beside the model are quantized, and the others taken into the new file', async () => {
  const path = saveExternal(branched(), 'all.bin');
  const { engine } = startEngine();
  const asked = { ...synthetic(16), values: { mode: 1 } };
  const inspect = { kind: 'inspect', model: path, granularity: 'layer', shapes: {}, data: asked } as const;
  const data = { ...asked, branches: (await engine.request(inspect)).branches };
  const { out } = await quantize(path, { data, width: 4, out: join(scratch(), 'inside.onnx') });
  expect(externalLocations(await readModel(out))).toEqual([]);
  expect((await compare(path, out, data)).against!.sqnrDb).toBeGreaterThan(8);
});

describe('weights in a file beside the model', () => {
  it('are found by ONNX Runtime from a graph that is not on disk, and nothing is left in the folder', async () => {
    const path = saveExternal(tinyCnn(), 'weights/all.bin');
    const before = readdirSync(dirname(path), { recursive: true });
    const data = synthetic(6);
    const { reply } = await scoreOnce(path, data);
    expectSameOrm(reply, await referenceGrams(path, data));
    expect(readdirSync(dirname(path), { recursive: true })).toEqual(before);
  });

  it('count in size and hash', async () => {
    const path = saveExternal(tinyCnn(), 'all.bin');
    const { engine } = startEngine();
    const request = { kind: 'inspect', model: path, granularity: 'layer', shapes: {} } as const;
    const first = await engine.request(request);
    expect(first.bytes).toBe(statSync(path).size + statSync(join(dirname(path), 'all.bin')).size);
    expect(first.network.functions).toHaveLength(4);
    const weights = join(dirname(path), 'all.bin');
    const bytes = Buffer.alloc(statSync(weights).size);
    writeFileSync(weights, bytes);
    expect((await engine.request(request)).sha256).not.toBe(first.sha256);
  });

  it('that are missing, or outside the folder, are told', async () => {
    const folder = scratch();
    const missing = saveExternal(tinyCnn(), 'gone/all.bin');
    const moved = save(
      await import('../../src/onnx/files/file').then(({ readModel }) => readModel(missing)),
      'x.onnx',
      folder,
    );
    await expect(scoreOnce(moved, synthetic(4))).rejects.toThrow(/all\.bin/);
    mkdirSync(join(folder, 'inner'));
    const outside = saveExternal(tinyCnn(), '../outside.bin', join(folder, 'inner'));
    const { engine } = startEngine();
    await expect(
      engine.request({ kind: 'inspect', model: outside, granularity: 'layer', shapes: {} }),
    ).rejects.toThrow('which lies outside its folder');
    await expect(scoreOnce(outside, synthetic(4))).rejects.toThrow('which lies outside its folder');
  });
});

describe('a cache of links to a model and its weights', () => {
  /** As the hub's cache lies: snapshots/ holds links into blobs/, where the files have names of their own. */
  function cached(): { folder: string; path: string } {
    const folder = scratch();
    const blobs = join(folder, 'blobs');
    const snapshot = join(folder, 'snapshots', 'main', 'onnx');
    for (const each of [blobs, snapshot]) mkdirSync(each, { recursive: true });
    renameSync(saveExternal(tinyCnn(), 'model.onnx_data', blobs), join(blobs, '1111'));
    renameSync(join(blobs, 'model.onnx_data'), join(blobs, '2222'));
    const path = join(snapshot, 'model.onnx');
    symlinkSync('../../../blobs/1111', path);
    symlinkSync('../../../blobs/2222', join(snapshot, 'model.onnx_data'));
    return { folder, path };
  }

  it('is scored and quantized, and stays as it is', async ({ skip }) => {
    if (process.platform === 'win32') skip('links need a permission here');
    const { folder, path } = cached();
    const before = readdirSync(folder, { recursive: true });
    const data = synthetic(6);
    const { reply } = await scoreOnce(path, data);
    expect(reply.samples).toBe(6);
    const { out } = await quantize(path, { width: 6, out: join(scratch(), 'small.onnx') });
    expect((await compare(path, out, data)).against!.sqnrDb).toBeGreaterThan(15);
    expect(readdirSync(folder, { recursive: true })).toEqual(before);
  });

  it('that lead out of the folder of the real files are refused', async ({ skip }) => {
    if (process.platform === 'win32') skip('links need a permission here');
    const { folder, path } = cached();
    renameSync(join(folder, 'blobs', '2222'), join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'blobs', '2222'));
    await expect(scoreOnce(path, synthetic(2))).rejects.toThrow('lies outside its folder');
  });
});
