/** Layers kept between exports: what is not rounded again, counted; and that it makes no difference to the file. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { exportModel } from '../../src/engine/process/export/exportModel';
import * as moments from '../../src/engine/process/rounding/moments';
import { Job } from '../../src/engine/process/job/job';
import type { ExportReply } from '../../src/engine/protocol';
import { Session } from '../../src/engine/process/ort/session';
import { ModelBuilder } from '../support/models/builder';
import { compare, request, type Options } from './exporting';
import { save, scratch, startEngine, synthetic } from './harness';

/** Six layers in a row, and a seventh beside the last two. */
function network(): string {
  const b = new ModelBuilder({ opset: 17, seed: 3 });
  let x = b.input('x', ['batch', 3, 12, 12]);
  for (const name of ['a', 'b', 'c', 'd']) x = b.relu(b.conv(x, 8, { kernel: 3, name }));
  const side = b.conv(x, 8, { kernel: 1, name: 'side' });
  const y = b.conv(b.relu(b.conv(x, 8, { kernel: 3, name: 'e' })), 8, { kernel: 3, name: 'f' });
  return save(b.output(b.op('Add', [y, side])).build());
}
const LAYERS = ['a', 'b', 'c', 'd', 'side', 'e', 'f'];

interface Work {
  reply: ExportReply;
  /** Layers whose second moments were computed, and sessions of ONNX Runtime that were created. */
  moments: number;
  sessions: number;
  file: Buffer;
  log: string[];
}

/** Exports in this process, where the work can be counted. */
async function run(model: string, options: Options): Promise<Work> {
  const sessions = vi.spyOn(Session, 'open');
  const sums = vi.spyOn(moments, 'layerMoments');
  const log: string[] = [];
  const asked = await request(model, { overwrite: true, ...options });
  const job = new Job(
    () => undefined,
    (_, line) => log.push(line),
  );
  try {
    const reply = await exportModel(asked, job);
    return {
      reply,
      moments: sums.mock.calls.length,
      sessions: sessions.mock.calls.length,
      file: readFileSync(asked.out),
      log,
    };
  } finally {
    vi.restoreAllMocks();
  }
}

describe.each(['gptq', 'reconstruct'] as const)('an export by %s', (rounding) => {
  it('a second time rounds nothing, and writes the same file', async () => {
    const [model, cache] = [network(), scratch()];
    const first = await run(model, { rounding, cache });
    expect(first).toMatchObject({ moments: LAYERS.length, reply: { reused: 0 } });
    const second = await run(model, { rounding, cache });
    expect(second).toMatchObject({ moments: 0, reply: { reused: LAYERS.length } });
    // Of the first run, for each layer: the moments, and what lies between it and the one before.
    expect(second.sessions).toBeLessThanOrEqual(first.sessions - 2 * LAYERS.length + 1);
    expect(second.file.equals(first.file)).toBe(true);
    const without = await run(model, { rounding });
    expect(without).toMatchObject({ moments: LAYERS.length, reply: { reused: 0 } });
    expect(without.file.equals(first.file)).toBe(true);
  });

  it('with integer activations takes no layer of one without, whose scales may be negative', async () => {
    const [model, cache] = [network(), scratch()];
    const width = LAYERS.map(() => 3);
    await run(model, { rounding, cache, width });
    const activations = { bits: 8, range: 'percentile' } as const;
    const second = await run(model, { rounding, cache, width, activations });
    expect(second.reply.reused).toBe(0);
    const without = await run(model, { rounding, width, activations });
    expect(without.file.equals(second.file)).toBe(true);
  });

  it('with other bits further back rounds only what they feed', async () => {
    const [model, cache] = [network(), scratch()];
    const width = LAYERS.map(() => 4);
    await run(model, { rounding, cache, width });
    width[LAYERS.indexOf('e')] = 3;
    const second = await run(model, { rounding, cache, width });
    // e itself, and f behind it; not the layer beside them.
    expect(second).toMatchObject({ moments: 2, reply: { reused: LAYERS.length - 2 } });
    const fresh = await run(model, { rounding, width });
    // What was not rounded again ran in one piece, so that the last digits of its sums may differ.
    const out = (await request(model)).out;
    const { against } = await compare(model, out);
    writeFileSync(out, second.file);
    const { against: again } = await compare(model, out);
    expect(again!.sqnrDb).toBeCloseTo(against!.sqnrDb, 2);
    expect(second.file.length).toBe(fresh.file.length);
  });

  it('with other bits in front rounds everything behind them', async () => {
    const [model, cache] = [network(), scratch()];
    const width = LAYERS.map(() => 4);
    await run(model, { rounding, cache, width });
    // A layer of 16 bits is rounded, too, on the way to the others.
    const second = await run(model, { rounding, cache, width: [16, ...width.slice(1)] });
    expect(second).toMatchObject({ moments: LAYERS.length - 1, reply: { reused: 0 } });
  });
});

describe('kept layers', () => {
  const rounding = 'gptq';

  it('of other data, samples, a changed model or another scale type are not taken', async () => {
    const [model, cache] = [network(), scratch()];
    await run(model, { rounding, cache });
    for (const other of [
      { data: { ...synthetic(24), seed: 1 } },
      { data: synthetic(20) },
      { scaleType: 'float16' as const },
    ]) {
      expect((await run(model, { rounding, cache, ...other })).reply.reused).toBe(0);
    }
    const bytes = readFileSync(model);
    writeFileSync(model, Buffer.concat([bytes, Buffer.of(0x32, 1, 65)])); // another description
    expect((await run(model, { rounding, cache })).reply.reused).toBe(0);
  });

  it('that were damaged are told, removed and rounded again', async () => {
    const [model, cache] = [network(), scratch()];
    const first = await run(model, { rounding, cache });
    const folder = join(cache, 'layers');
    const [name] = readdirSync(folder);
    const bytes = readFileSync(join(folder, name));
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(join(folder, name), bytes);
    const second = await run(model, { rounding, cache });
    expect(second).toMatchObject({ moments: 1, reply: { reused: LAYERS.length - 1 } });
    expect(second.log.join('\n')).toContain('A damaged entry of the cache was removed');
    expect(second.file.length).toBe(first.file.length);
    rmSync(folder, { recursive: true });
    expect((await run(model, { rounding, cache })).reply.reused).toBe(0);
  });

  it('of an export that was killed are where the next one begins', async () => {
    const [model, cache] = [network(), scratch()];
    const asked = await request(model, { rounding, cache });
    const { engine } = startEngine();
    const seen = new Set<string>();
    const work = engine.request(asked, {
      onProgress: ({ stage }) => {
        if (stage.startsWith('Rounding')) seen.add(stage);
        if (seen.size === 5) process.kill(engine.pid!, 'SIGKILL');
      },
    });
    await expect(work).rejects.toThrow(/SIGKILL/);
    const { reused } = await engine.request(asked);
    expect(reused).toBeGreaterThanOrEqual(4);
    expect(reused).toBeLessThan(LAYERS.length);
  });
});
