/** A model and its samples are read once for all jobs that an engine does on them, and anew once they change. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { DataSpec } from '../../src/calibration/inputs/spec';
import type { Span } from '../../src/engine/process/job/trace';
import { type EngineRequest, TRACE } from '../../src/engine/protocol';
import { quantize } from '../../src/pipeline/quantize';
import type { AllocationSettings } from '../../src/pipeline/settings';
import { resnet18 } from '../support/models/zoo';
import { save, scoreRequest, scoreSettings, scratch, startEngine, synthetic } from './harness';

const network = () => resnet18({ size: 32, width: 0.25, classes: 10 });

async function pictures(count: number): Promise<DataSpec> {
  const path = scratch();
  for (let i = 0; i < count; i++) {
    const pixels = Uint8Array.from({ length: 32 * 32 * 3 }, (_, at) => (at * (i + 3)) % 251);
    await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(join(path, `${i}.png`));
  }
  return { ...synthetic(8), path };
}

it('a quantize reads and hashes the model once, and each sample once', async () => {
  const trace = join(scratch(), 'trace.json');
  const { engine } = startEngine({ env: { [TRACE]: trace } });
  const file = network();
  const model = save(file);
  // Random weights choose no class as trained ones do.
  const outputs = { [file.graph!.output[0].name]: 'classes' as const };
  const score = scoreSettings(model, { ...(await pictures(40)), outputs });
  const allocation: AllocationSettings = {
    objective: 'auto',
    budget: { averageBits: 4 },
    widths: [2, 3, 4, 8],
    pin: { first: 8, last: 8 },
    locks: {},
    contest: { rounding: 'nearest', searchSeconds: 0 },
  };
  await quantize(engine, score, allocation, join(scratch(), 'net.ompq.json'), {});
  const text = await readFile(trace, 'utf8');
  const spans = (JSON.parse(`${text.trim().replace(/,$/, '')}]`) as Span[]).sort((a, b) => a.ts - b.ts);
  const named = (...names: string[]) => spans.filter(({ name }) => names.includes(name));
  expect(named('inspect', 'score', 'noise', 'contest').map(({ name }) => name)).toEqual([
    'inspect',
    'score',
    'noise',
    'contest',
  ]);
  expect(named('read', 'hash').map(({ args, name }) => [name, args.detail])).toEqual([
    ['read', model],
    ['hash', model],
  ]);
  // Each job that asks for more goes on where the one before has ended.
  const ranges = named('samples').map(({ args }) => args.detail!.split(' to ').map(Number));
  expect(ranges[0]).toEqual([0, 8]);
  expect(ranges.length).toBeGreaterThan(1);
  expect(ranges.slice(1).map(([from]) => from)).toEqual(ranges.slice(0, -1).map(([, to]) => to));
});

it('jobs leave the model that they share as it was', async () => {
  const model = save(network());
  const data = synthetic(4);
  const out = join(scratch(), 'small.onnx');
  const shared = { model, granularity: 'layer', data, memoryLimit: 0 } as const;
  const bits = Array.from({ length: 18 }, () => 4);
  const exported = {
    ...shared,
    kind: 'export',
    overwrite: true,
    rounding: 'gptq',
    scaleType: 'float16',
    bits,
    config: '0'.repeat(64),
  } as const;
  const jobs: EngineRequest[] = [
    { ...shared, kind: 'latency', runs: 1 },
    { ...shared, kind: 'noise', widths: [3, 4], rounding: 'nearest' },
    { ...shared, kind: 'contest', rounding: 'gptq', candidates: [bits], rounded: 0, search: null },
    { kind: 'scales', model, granularity: 'layer', shapes: {}, bits },
    { ...exported, out, activations: { bits: 8, range: 'minmax' } },
    { ...exported, out, activations: null },
    { kind: 'evaluate', model, other: out, data, allSamples: false, perLayer: true },
  ];
  const { engine: used } = startEngine();
  for (const job of jobs) await used.request(job);
  const { engine: fresh } = startEngine();
  const inspect = { kind: 'inspect', model, granularity: 'layer', shapes: {} } as const;
  const [known, anew] = [await used.request(inspect), await fresh.request(inspect)];
  expect(known).toEqual(anew);
  const score = scoreRequest(model, data);
  const [after, alone] = [await used.request(score), await fresh.request(score)];
  expect(after.grams).toEqual(alone.grams);
  const written = [];
  for (const engine of [used, fresh]) {
    await engine.request({ ...exported, out, activations: null });
    written.push(await readFile(out));
  }
  expect(written[0].equals(written[1])).toBe(true);
});

it('a model or a picture that has changed on disk is read anew', async () => {
  const { engine } = startEngine();
  const model = save(network());
  const data = await pictures(4);
  const ask = async () => [...(await engine.request(scoreRequest(model, data))).grams];
  const first = await ask();
  expect(await ask()).toEqual(first);
  await writeFile(join(data.path!, '2.png'), await readFile(join(data.path!, '1.png')));
  const second = await ask();
  expect(second).not.toEqual(first);
  const other = network();
  const { rawData } = other.graph!.initializer.find(({ dims }) => dims.length === 4)!;
  // The signs of some weights, the file as long as it was.
  for (let at = 3; at < rawData.length; at += 12) rawData[at] ^= 0x80;
  save(other, 'model.onnx', dirname(model));
  const { sha256 } = await engine.request({ kind: 'inspect', model, granularity: 'layer', shapes: {} });
  const { engine: fresh } = startEngine();
  const inspected = await fresh.request({ kind: 'inspect', model, granularity: 'layer', shapes: {} });
  expect(sha256).toBe(inspected.sha256);
  expect(await ask()).not.toEqual(second);
});
