import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/engine/client';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { toFloat16Bits } from '../../src/onnx/proto/float16';
import { draftModel } from '../../src/onnx/files/save';
import { valueInfo } from '../../src/onnx/proto/build';
import { TensorProto_DataType as DataType, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { paddleClassifier, paddleDetector, paddleRecognizer } from '../support/models/thirdparty';
import { mobilenetV2, tinyCnn, transformer } from '../support/models/zoo';
import { compare, everyLayer, quantize, request, type Options } from './exporting';
import { save, scratch, startEngine, synthetic } from './harness';

const { FLOAT16 } = DataType;

/** Weights, biases and everything between them in float16. */
function halfModel(): ModelProto {
  const b = new ModelBuilder({ seed: 3 });
  const half = (name: string, dims: number[], size: number) => {
    const count = dims.reduce((x, y) => x * y, 1);
    return b.initializer(
      name,
      dims,
      Uint16Array.from(b.random.normals(count), (v) => toFloat16Bits(size * v)),
      FLOAT16,
    );
  };
  const conv = (x: string, name: string, from: number, to: number) =>
    b.relu(
      b.op(
        'Conv',
        [
          x,
          half(`${name}.weight`, [to, from, 3, 3], Math.sqrt(2 / 9 / from)),
          half(`${name}.bias`, [to], 0.1),
        ],
        {
          pads: [1, 1, 1, 1],
        },
      ),
    );
  let y = b.op('Cast', [b.input('x', ['batch', 3, 12, 12])], { to: FLOAT16 });
  y = conv(y, 'a', 3, 32);
  y = conv(y, 'b', 32, 64);
  y = conv(y, 'c', 64, 32);
  y = b.op('Flatten', [b.op('GlobalAveragePool', [y])]);
  y = b.op('Gemm', [y, half('fc.weight', [10, 32], 0.3), half('fc.bias', [10], 0.1)], { transB: 1 });
  return b.output(b.op('Cast', [y], { to: DataType.FLOAT })).build();
}

describe('export', () => {
  it('says which weights could be fed as inputs, and are constants now', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const y = b.matmul(b.relu(b.matmul(b.input('x', ['n', 16]), 12, { name: 'first' })), 4, { name: 'last' });
    const model = b.output(y).build();
    const [weight] = findNetwork(model).functions.map(({ layers }) => layers[0].weight);
    model.graph!.input.push(valueInfo(weight, DataType.FLOAT, [16, 12]));
    const { engine } = startEngine();
    const path = save(model);
    const asked = await request(path, { rounding: 'nearest' });
    const { warnings } = await engine.request(asked);
    expect(warnings.at(-1)).toMatch(
      `lists weights among its inputs, for which others could be fed (${weight}); in the quantized file they are constants.`,
    );
    expect((await readModel(asked.out)).graph!.input.map(({ name }) => name)).toEqual(['x']);
    // Files of old listed all of them, as constants.
    const old = save({ ...model, irVersion: 3n });
    expect((await engine.request(await request(old, { rounding: 'nearest' }))).warnings.join()).not.toMatch(
      'inputs',
    );
  });

  it('says where the file is no smaller than the original', async () => {
    const network = (width: number) => {
      const b = new ModelBuilder({ seed: 4 });
      const x = b.relu(b.matmul(b.input('x', ['n', 4]), width, { name: 'first', bias: false }));
      return save(b.output(b.matmul(x, 4, { name: 'last', bias: false })).build());
    };
    const { engine } = startEngine();
    const warned = async (path: string) => {
      const { warnings } = await engine.request(await request(path, { rounding: 'nearest' }));
      return warnings.some((each) => each.startsWith('The quantized file is no smaller than the original ('));
    };
    expect([await warned(network(4)), await warned(network(400))]).toEqual([true, false]);
  });

  it('takes an input that has no numbers, as an empty cache has', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const both = b.op('Concat', [b.input('x', ['n', 16]), b.input('past', ['n', 0])], { axis: 1 });
    const x = b.relu(b.matmul(b.setChannels(both, 16), 12, { name: 'first' }));
    const { bytes } = await quantize(save(b.output(b.matmul(x, 4, { name: 'last' })).build()));
    expect(bytes).toBeGreaterThan(0);
  });

  it('keeps float32 scales where float16 would lose them, for that weight alone, and says so', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.input('x', ['batch', 16]);
    b.initializer(
      'tiny',
      [16, 12],
      Float32Array.from(b.random.normals(192), (value) => 1e-6 * value),
    );
    const y = b.op('Mul', [b.op('MatMul', [x, 'tiny'], {}, { name: 'small' }), b.scalar('million', 1e6)]);
    b.setChannels(y, 12);
    const model = save(b.output(b.matmul(y, 6, { name: 'usual' })).build());
    const { engine } = startEngine();
    const asked = await request(model, { width: 8, scaleType: 'float16', rounding: 'nearest' });
    const { warnings } = await engine.request(asked);
    expect(warnings.join()).toContain(
      'The scales of tiny are too small or too large for float16 and stay float32.',
    );
    expect(warnings.join()).not.toContain('usual');
    const { against } = await compare(model, asked.out);
    expect(against!.sqnrDb).toBeGreaterThan(30);
  });

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

  it('takes a batch of -1, as some exporters write an open one', async () => {
    const model = save(tinyCnn({ batch: -1 }));
    for (const rounding of ['nearest', 'gptq'] as const) {
      await quantize(model, { rounding, overwrite: true });
    }
  });

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
    const { against, layers } = await compare(path, reply.out, data);
    // Every layer is near the original's (the worst was 0.936, the detector's 0.982) ...
    for (const { cosine } of layers!.slice(0, -1)) expect(cosine).toBeGreaterThan(0.92);
    // ... but for the detector's probabilities (0.774): noise is no document, so a sigmoid makes them nearly zero.
    expect(against!.outputs[0].cosine).toBeGreaterThan(0.7);
  });

  it.each(['nearest', 'gptq', 'reconstruct'] as const)(
    'keeps a float16 model float16, by %s',
    async (rounding) => {
      const model = save(halfModel());
      const reply = await quantize(model, { rounding, width: [8, 5, 4, 8] });
      const written = (await readModel(reply.out)).graph!;
      expect(written.initializer.map(({ name }) => name)).not.toContain('b.weight');
      expect(reply.bytes).toBeLessThan(0.7 * statSync(model).size);
      const { against, warnings } = await compare(model, reply.out);
      expect(warnings.filter((each) => !each.includes('synthetic'))).toEqual([]);
      expect(against!.sqnrDb).toBeGreaterThan(rounding === 'nearest' ? 12 : 15);
    },
  );

  it('uses fewer samples where memory is short, and says so', async () => {
    const model = save(everyLayer());
    const { engine } = startEngine();
    const asked = await request(model, { memoryLimit: 1, data: synthetic(200) });
    const { samples, warnings } = await engine.request(asked);
    expect(samples).toBe(16);
    expect(warnings.join()).toContain('Only 16 of 200 samples were used');
    expect(warnings.join()).toContain('The memory limit of 1 MB is too low: the engine itself uses');
  });

  it('rounds a layer whose second moments have no room by the power of each input, and says so', async () => {
    const b = new ModelBuilder({ seed: 1 });
    const wide = b.gemm(b.relu(b.gemm(b.input('x', ['batch', 4]), 2000, { name: 'in' })), 2, {
      name: 'wide',
    });
    const model = save(b.output(wide).build());
    const { engine } = startEngine();
    const asked = { memoryLimit: 150e6, data: synthetic(24) };
    const tight = await engine.request(await request(model, asked));
    expect(tight.warnings.join('\n')).toMatch(
      /"wide" has 2000 inputs per output, whose second moments would take 256 MB, of which \d+ MB are left under the memory limit of 150 MB: it is rounded to nearest, by the power of each input alone\./,
    );
    expect((await compare(model, join(dirname(model), 'small.onnx'))).against!.sqnrDb).toBeGreaterThan(15);
    const more = await engine.request(
      await request(model, { ...asked, memoryLimit: 2e9, out: join(dirname(model), 'more.onnx') }),
    );
    expect(more.warnings.join()).not.toContain('inputs per output');
  });

  it('cuts a graph where the sizes of a Resize are alive', async () => {
    const b = new ModelBuilder({ seed: 1 });
    const x = b.input('x', ['batch', 3, 8, 8]);
    const ints = (...values: number[]) =>
      b.initializer('ints', [values.length], BigInt64Array.from(values, BigInt));
    // As vision transformers fit their position embeddings to the picture.
    const size = (axis: number) =>
      b.op('Gather', [b.op('Shape', [x]), b.initializer('axis', [], BigInt64Array.of(BigInt(axis)))]);
    const [height, width] = [size(2), size(3)];
    const y = b.relu(b.conv(x, 3, { kernel: 3, name: 'before' }));
    const sizes = b.op(
      'Concat',
      [ints(1, 3), b.op('Unsqueeze', [height, ints(0)]), b.op('Unsqueeze', [width, ints(0)])],
      { axis: 0 },
    );
    const places = b.op('Resize', [b.weight('places', [1, 3, 4, 4], 1), '', '', sizes], { mode: 'linear' });
    const wide = b.setChannels(b.op('Add', [y, places]), 3);
    const model = save(b.output(b.conv(wide, 4, { kernel: 3, name: 'after' })).build());
    await quantize(model, { width: 5 });
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
    expect(same.against).toMatchObject({ sqnrDb: Infinity, cost: 0 });
    expect(same.models[1].bytes).toBe(draft.bytes);

    // Both are as large as predicted.
    await quantize(moved, {
      rounding: 'nearest',
      activations: { bits: 8, range: 'minmax' },
      out: join(scratch(), 'integer.onnx'),
    });
    const { out } = await quantize(moved, { rounding: 'nearest', width: 8 });
    expect(readdirSync(folder).sort()).toEqual(['moved.onnx', 'moved.onnx.data', 'small.onnx']);
    const { against } = await compare(model, out);
    expect(against!.sqnrDb).toBeGreaterThan(30);
  });
});
