import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/engine/client';
import { readModel } from '../../src/onnx/file';
import { findNetwork } from '../../src/onnx/functions';
import { draftModel } from '../../src/onnx/save';
import { paddleClassifier, paddleDetector, paddleRecognizer, sileroV5 } from '../models/thirdparty';
import { mobilenetV2, tinyCnn, transformer } from '../models/zoo';
import { compare, everyLayer, quantize, request, type Options } from './exporting';
import { save, scratch, startEngine, synthetic } from './harness';

describe('export', () => {
  it.each(['nearest', 'gptq', 'reconstruct'] as const)(
    'rounds every kind of layer by %s',
    async (rounding) => {
      const model = save(everyLayer());
      // Inside the engine the file's outputs were held against the rounded weights', bit for bit.
      const reply = await quantize(model, { rounding, bits: [8, 2, 3, 4, 5, 6, 6, 7, 16, 32] });
      expect(reply.samples).toBe(rounding === 'nearest' ? 0 : 24);
      expect(readdirSync(dirname(model)).sort()).toEqual(['model.onnx', 'small.onnx']);
      const metadata = (await readModel(reply.out)).metadataProps;
      expect(metadata.find(({ key }) => key === 'ompq.config')!.value).toBe('a'.repeat(64));
    },
  );

  it.each([9, 13, 18])('works at opset %i and at a batch fixed at 1', async (opset) => {
    const model = save(everyLayer({ opset, batch: 1 }));
    const reply = await quantize(model, { width: 6 });
    const { against } = await compare(model, reply.out);
    expect(against!.sqnrDb).toBeGreaterThan(15);
  });

  it('loses less by reconstruction than by rounding to nearest', async () => {
    const model = save(mobilenetV2({ size: 32, width: 0.25, classes: 10, batchNorm: true }));
    const sqnr: Record<string, number> = {};
    for (const rounding of ['nearest', 'reconstruct'] as const) {
      const data = synthetic(48);
      const { out } = await quantize(model, {
        rounding,
        width: 4,
        data,
        out: join(dirname(model), `${rounding}.onnx`),
      });
      const reply = await compare(model, out, data);
      sqnr[rounding] = reply.against!.sqnrDb;
      expect(reply.layers!.every(({ sqnrDb }) => sqnrDb > 0)).toBe(true);
      expect(reply.layers!.length).toBe(findNetwork(await readModel(model)).functions.length);
    }
    expect(sqnr.reconstruct).toBeGreaterThan(sqnr.nearest + 3);
  });

  it('rounds the matrix products of a transformer', async () => {
    const model = save(transformer({ blocks: 2, width: 32 }));
    const data = synthetic(32);
    const near = await quantize(model, {
      rounding: 'nearest',
      width: 4,
      data,
      out: join(dirname(model), 'near.onnx'),
    });
    const good = await quantize(model, { rounding: 'reconstruct', width: 4, data });
    const [a, b] = [await compare(model, near.out, data), await compare(model, good.out, data)];
    expect(b.against!.sqnrDb).toBeGreaterThan(a.against!.sqnrDb + 1);
  });

  it('handles a model that others made', async () => {
    const { path } = paddleClassifier;
    const data = synthetic(8, { x: [1, 3, 48, 192] });
    const reply = await quantize(path, { data, out: join(scratch(), 'small.onnx'), width: 6 });
    expect(reply.bytes).toBeLessThan(0.5 * statSync(path).size);
    const { against } = await compare(path, reply.out, data);
    expect(against!.sqnrDb).toBeGreaterThan(5);
  });

  it.each([
    [paddleRecognizer, { x: [1, 3, 48, 320] }],
    [paddleDetector, { x: [1, 3, 160, 160] }],
  ])('writes $name so that it loads, runs and stays close at 8 bits', async ({ path }, shapes) => {
    const data = synthetic(2, shapes);
    const reply = await quantize(path, {
      data,
      out: join(scratch(), 'small.onnx'),
      width: 8,
      rounding: 'nearest',
    });
    expect(reply.bytes).toBeLessThan(0.4 * statSync(path).size);
    const { against } = await compare(path, reply.out, data);
    // Noise is no document: the detector's probabilities are near zero, and so is what they differ by.
    expect(against!.outputs[0].cosine).toBeGreaterThan(0.7);
  });

  it('says so where there is nothing to quantize', async () => {
    const data = synthetic(4, { input: [1, 512], state: [2, 1, 128] });
    const out = join(scratch(), 'small.onnx');
    await expect(quantize(sileroV5.path, { data, out })).rejects.toThrow(/no layer that can be quantized/);
  });

  it('uses fewer samples where memory is short, and says so', async () => {
    const model = save(everyLayer());
    const { engine } = startEngine();
    const asked = await request(model, { memoryLimit: 1, data: synthetic(200) });
    const { samples, warnings } = await engine.request(asked);
    expect(samples).toBe(16);
    expect(warnings.join()).toContain('Only 16 of 200 samples were used');
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const model = save(mobilenetV2({ size: 64, width: 0.5 }));
    const { engine } = startEngine();
    const abort = new AbortController();
    const running = engine.request(await request(model, { data: synthetic(64) }), {
      signal: abort.signal,
      onProgress: ({ stage }) => {
        if (stage.startsWith('Rounding')) abort.abort();
      },
    });
    await expect(running).rejects.toThrow(CancelledError);
    expect(readdirSync(dirname(model))).toEqual(['model.onnx']);
  });

  it('refuses in one sentence, and writes nothing', async () => {
    const model = save(tinyCnn());
    const { engine } = startEngine();
    const original = readFileSync(model);
    const out = join(dirname(model), 'there.onnx');
    writeFileSync(out, 'mine');
    const refused: [Options, RegExp][] = [
      [{ out: model, overwrite: true }, /would overwrite the original/],
      [{ out }, /there\.onnx exists already/],
      [{ out: join(dirname(model), 'no', 'x.onnx') }, /does not exist/],
      [{ bits: [8] }, /has 4 functions, but bits for 1 were given/],
      [{ bits: [8, 1, 8, 8] }, /cannot be stored at 1 bits/],
    ];
    for (const [options, message] of refused) {
      await expect(engine.request(await request(model, options))).rejects.toThrow(message);
    }
    mkdirSync(join(dirname(model), 'folder.onnx'));
    const folder = { out: join(dirname(model), 'folder.onnx'), overwrite: true };
    await expect(engine.request(await request(model, folder))).rejects.toThrow(/Cannot write/);
    expect(readFileSync(model)).toEqual(original);
    expect(readFileSync(out, 'utf8')).toBe('mine');
    expect(readdirSync(dirname(model)).sort()).toEqual(['folder.onnx', 'model.onnx', 'there.onnx']);
  });

  it('moves weights out where a file would grow too large, and takes external ones in', async () => {
    const model = save(mobilenetV2({ size: 32, width: 0.25, classes: 10 }));
    const folder = scratch();
    const moved = join(folder, 'moved.onnx');
    const draft = await draftModel(moved, await readModel(model), model, 1000);
    expect(existsSync(moved)).toBe(false);
    await draft.commit();
    expect(readdirSync(folder).sort()).toEqual(['moved.onnx', 'moved.onnx.data']);
    expect(draft.bytes).toBe(statSync(moved).size + statSync(`${moved}.data`).size);
    const same = await compare(model, moved);
    expect(same.against).toMatchObject({ sqnrDb: Infinity, agreement: 1 });
    expect(same.models[1].bytes).toBe(draft.bytes);

    const { out } = await quantize(moved, { rounding: 'nearest', width: 8 });
    expect(readdirSync(folder).sort()).toEqual(['moved.onnx', 'moved.onnx.data', 'small.onnx']);
    const { against } = await compare(model, out);
    expect(against!.sqnrDb).toBeGreaterThan(30);
  });
});
