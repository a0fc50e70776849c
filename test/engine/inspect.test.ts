/** What inspecting a model tells that takes its data. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { InspectRequest } from '../../src/engine/protocol';
import { ModelBuilder } from '../support/models/builder';
import { save, scratch, startEngine } from './harness';

function openSized(): string {
  const b = new ModelBuilder();
  const x = b.input('x', ['batch', 3, 'height', 'width']);
  const y = b.conv(b.conv(x, 8, { stride: 2, pad: 1, kernel: 3 }), 4, { kernel: 1 });
  return save(b.output(y, ['batch', 4, 'h2', 'w2']).build());
}

async function pictures(width: number, height: number): Promise<string> {
  const folder = join(scratch(), 'pictures');
  mkdirSync(folder);
  for (const name of ['a.png', 'b.png']) {
    await sharp({ create: { width, height, channels: 3, background: '#456' } })
      .png()
      .toFile(join(folder, name));
  }
  return folder;
}

it('sizes that the model leaves open are those that the calibration data fixed', async () => {
  const { engine } = startEngine();
  const request: InspectRequest = { kind: 'inspect', model: openSized(), granularity: 'layer', shapes: {} };
  const data = { samples: 2, seed: 0, shapes: {}, preprocessing: { preset: 'unit' as const } };
  const without = await engine.request(request);
  expect(without.shapesOnData).toBeUndefined();
  const path = await pictures(96, 64);
  const found = await engine.request({ ...request, data: { ...data, path } });
  expect(found.shapesOnData?.map((shape) => shape?.slice(1))).toEqual([
    [8, 32, 48],
    [4, 32, 48],
  ]);
  // what the file itself tells stays as it is: macs and limits are counted by it
  expect(found.network.functions[0].shape).toEqual(without.network.functions[0].shape);
  const gone = await engine.request({ ...request, data: { ...data, path: join(path, 'not-there') } });
  expect(gone.shapesOnData).toBeUndefined();
});
