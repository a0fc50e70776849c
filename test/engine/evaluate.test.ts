import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { EvaluateRequest } from '../../src/engine/protocol';
import { ModelBuilder } from '../support/models/builder';
import { Random } from '../support/models/random';
import { save, startEngine, synthetic } from './harness';

/** y = x W with W the identity plus noise: the class is the largest input, more or less. */
function classifier(noise: number, batch: number | string = 'batch') {
  const b = new ModelBuilder({ seed: 3 });
  const x = b.input('x', [batch, 8]);
  const weights = Float32Array.from(
    { length: 64 },
    (_, i) => (i % 9 === 0 ? 1 : 0) + noise * b.random.normal(),
  );
  b.initializer('w', [8, 8], weights);
  return b.output(b.op('MatMul', [x, 'w']), [batch, 8]).build();
}

/** An .npz of samples and labels; the class is the arg max for all but every tenth sample. */
function labelled(folder: string, count: number, shift = 0): string {
  const random = new Random(1);
  const x = random.normals(count * 8);
  const labels = Array.from({ length: count }, (_, i) => {
    const row = Array.from(x.subarray(8 * i, 8 * i + 8));
    const best = row.indexOf(Math.max(...row));
    return shift + (i % 10 === 0 ? (best + 1) % 8 : best);
  });
  const path = join(folder, 'samples.npz');
  const data = {
    'x.npy': npy('<f4', [count, 8], new Uint8Array(x.buffer)),
    'labels.npy': npy('<i8', [count], new Uint8Array(BigInt64Array.from(labels, BigInt).buffer)),
  };
  writeFileSync(path, zipSync(data));
  return path;
}

function npy(descr: string, shape: number[], bytes: Uint8Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = header.padEnd(64 * Math.ceil((header.length + 11) / 64) - 11) + '\n';
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]);
  return new Uint8Array(Buffer.concat([start, Buffer.from(padded), bytes]));
}

function request(model: string, more: Partial<EvaluateRequest> = {}): EvaluateRequest {
  return {
    kind: 'evaluate',
    model,
    other: null,
    data: synthetic(10),
    allSamples: true,
    perLayer: false,
    ...more,
  };
}

describe('evaluate', () => {
  it.each(['batch', 1, 4])('counts right answers over all samples, batch %s', async (batch) => {
    const model = save(classifier(0, batch));
    const folder = dirname(model);
    const other = save(classifier(0.3, batch), 'other.onnx', folder);
    const data = { ...synthetic(1), path: labelled(folder, 100) };
    const { engine } = startEngine();
    const reply = await engine.request(request(model, { other, data, perLayer: true }));
    expect(reply.samples).toBe(100);
    expect(reply.models[0]).toMatchObject({ path: model, top1: 0.9 });
    expect(reply.models[1].top1!).toBeLessThan(0.9);
    expect(reply.models[1].top1!).toBeGreaterThan(0.3);
    expect(reply.models[0].top5!).toBeGreaterThan(0.9);
    expect(reply.against!.agreement!).toBeGreaterThan(0.4);
    expect(reply.against!.agreement!).toBeLessThan(1);
    expect(reply.against!.kl!).toBeGreaterThan(0);
    // One layer: its noise is the output's, but for the samples that it is measured on.
    expect(Math.abs(reply.layers![0].sqnrDb - reply.against!.sqnrDb)).toBeLessThan(2);
  });

  it('refuses outputs that are no numbers: they would count as equal', async () => {
    const model = save(classifier(0));
    const x = new Float32Array(10 * 8).fill(1);
    x[7 * 8] = NaN;
    const path = join(dirname(model), 'nan.npz');
    writeFileSync(path, zipSync({ 'x.npy': npy('<f4', [10, 8], new Uint8Array(x.buffer)) }));
    const { engine } = startEngine();
    const data = { ...synthetic(1), path };
    await expect(engine.request(request(model, { other: model, data }))).rejects.toThrow(
      /of model\.onnx is not a number \(NaN\) for sample 8 of the data; check the data/,
    );
  });

  it('takes the number of samples asked for', async () => {
    const model = save(classifier(0));
    const data = { ...synthetic(30), path: labelled(dirname(model), 100) };
    const { engine } = startEngine();
    const reply = await engine.request(request(model, { data, allSamples: false }));
    expect(reply).toMatchObject({ samples: 30, against: null, layers: null });
  });

  it('compares without labels', async () => {
    const model = save(classifier(0));
    const { engine } = startEngine();
    const reply = await engine.request(request(model, { other: model }));
    expect(reply.models.map(({ top1 }) => top1)).toEqual([null, null]);
    expect(reply.against).toMatchObject({ agreement: 1, kl: 0, sqnrDb: Infinity });
    expect(reply.synthetic).toBe(true);
  });

  it('refuses labels that the model has no classes for; two models are compared all the same', async () => {
    const model = save(classifier(0));
    const { engine } = startEngine();
    for (const shift of [1, -1]) {
      const data = { ...synthetic(1), path: labelled(dirname(model), 100, shift) };
      const message = /^The data has the label (8|-1), but model.onnx has 8 classes, 0 to 7; check the order/;
      await expect(engine.request(request(model, { data }))).rejects.toThrow(message);
      const { models, against, warnings } = await engine.request(request(model, { data, other: model }));
      expect(models.map(({ top1 }) => top1)).toEqual([null, null]);
      expect(against).toMatchObject({ agreement: 1 });
      expect(warnings.join()).toMatch(/has 8 classes, 0 to 7; no accuracy can be given/);
    }
  });

  it('says that one model without labels has no accuracy', async () => {
    const { engine } = startEngine();
    const { models, warnings } = await engine.request(request(save(classifier(0))));
    expect(models[0].top1).toBeNull();
    expect(warnings.join()).toMatch(/no labels, so there is no accuracy/);
  });

  it('says what does not fit together', async () => {
    const model = save(classifier(0));
    const b = new ModelBuilder();
    const narrow = b.output(b.gemm(b.input('x', ['batch', 8]), 3, { name: 'fc' })).build();
    const renamed = new ModelBuilder();
    const elsewhere = renamed.output(renamed.relu(renamed.input('x', ['batch', 8]))).build();
    elsewhere.graph!.node[0].output[0] = elsewhere.graph!.output[0].name = 'elsewhere';
    narrow.graph!.node[0].output[0] = narrow.graph!.output[0].name = classifier(0).graph!.output[0].name;
    const { engine } = startEngine();
    const folder = dirname(model);
    const other = save(narrow, 'narrow.onnx', folder);
    await expect(engine.request(request(model, { other }))).rejects.toThrow(/has another shape/);
    const third = save(elsewhere, 'elsewhere.onnx', folder);
    await expect(engine.request(request(model, { other: third }))).rejects.toThrow(/no output in common/);
  });
});
