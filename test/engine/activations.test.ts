/** Quantized activations: what ONNX Runtime makes of the file, and how near it stays to weights only. */
import { rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { ActivationChoice } from '../../src/engine/protocol';
import { float } from '../../src/onnx/proto/build';
import { readModel } from '../../src/onnx/files/file';
import { Graph } from '../../src/onnx/graph/graph';
import { findNetwork } from '../../src/onnx/network/functions';
import { opsetOf } from '../../src/onnx/proto/attributes';
import { placeActivations } from '../../src/onnx/qdq/placement';
import { ModelBuilder } from '../support/models/builder';
import { mobilenetV2, resnet18, tinyCnn, transformer } from '../support/models/zoo';
import { compare, everyLayer, quantize, request, type Options } from './exporting';
import { save, startEngine, synthetic } from './harness';

const eight: ActivationChoice = { bits: 8, range: 'percentile' };

/** How often ONNX Runtime runs each operator of a file. */
async function operators(path: string): Promise<Record<string, number>> {
  const optimized = `${path}.optimized`;
  const session = await ort.InferenceSession.create(path, {
    optimizedModelFilePath: optimized,
    logSeverityLevel: 4,
  });
  await session.release();
  const counts: Record<string, number> = {};
  for (const { opType } of (await readModel(optimized)).graph!.node)
    counts[opType] = (counts[opType] ?? 0) + 1;
  rmSync(optimized);
  return counts;
}

/**
 * Exports with and without quantized activations; SQNR of the one against the other, and by how many dB it is further from the
 * original: integer layers keep positive scales, which at few bits are other ones.
 */
async function both(model: string, options: Options = {}) {
  const shared = { rounding: 'nearest', ...options } as const;
  const out = (name: string) => join(dirname(model), name);
  const weights = await quantize(model, { ...shared, activations: null, out: out('weights.onnx') });
  const integer = await quantize(model, { activations: eight, ...shared, out: out('integer.onnx') });
  expect(Math.abs(integer.bytes - weights.bytes - integer.activations!.bytes)).toBeLessThanOrEqual(8);
  const between = async (a: string, b: string) => (await compare(a, b, options.data)).against!.sqnrDb;
  return {
    integer,
    sqnrDb: await between(weights.out, integer.out),
    lostDb: (await between(model, weights.out)) - (await between(model, integer.out)),
    operators: await operators(integer.out),
  };
}

describe('quantized activations', () => {
  it('make one chain of integer kernels of a residual network', async () => {
    const model = save(resnet18({ size: 32, width: 0.25, classes: 10, batchNorm: true }));
    const { integer, lostDb, operators } = await both(model, { width: [8, 6, 5, 4, 3, 2, 7, 8] });
    expect(integer.activations).toMatchObject({ integerLayers: 21, layers: 21, samples: 24 });
    expect(operators).toMatchObject({ QLinearConv: 20, QLinearAdd: 8, QGemm: 1, QuantizeLinear: 1 });
    for (const op of ['Conv', 'Relu', 'BatchNormalization', 'DequantizeLinear', 'FusedConv', 'Gemm']) {
      expect(operators).not.toHaveProperty(op);
    }
    expect(lostDb).toBeLessThan(2);
    const metadata = (await readModel(integer.out)).metadataProps;
    expect(metadata.find(({ key }) => key === 'ompq.activations')!.value).toBe('8 bits, percentile');
  });

  it("of a network whose only integer layer reads the model's own input", async () => {
    const b = new ModelBuilder({ seed: 2 });
    const model = save(
      b.output(b.matmul(b.input('x', ['n', 24]), 12, { name: 'only', bias: false })).build(),
    );
    const { integer, sqnrDb, operators } = await both(model, { width: 8 });
    expect(integer.activations).toMatchObject({ integerLayers: 1, layers: 1, tensors: 1 });
    expect(operators).toMatchObject({ MatMulIntegerToFloat: 1 });
    expect(sqnrDb).toBeGreaterThan(30);
  });

  it('take a Clip into the grid', async () => {
    const model = save(mobilenetV2({ size: 32, width: 0.25, classes: 10, batchNorm: true }));
    const { sqnrDb, operators } = await both(model, { width: 6 });
    expect(operators.QLinearConv).toBe(52);
    expect(operators).not.toHaveProperty('Clip');
    expect(operators).not.toHaveProperty('Conv');
    expect(sqnrDb).toBeGreaterThan(15);
  });

  it.each([
    [13, 8],
    [17, 5],
    [21, 8],
  ] as const)('take a Clip with one bound into the grid, opset %i, %i bits', async (opset, bits) => {
    const b = new ModelBuilder({ seed: 8, opset });
    // As torch.clamp(max=1) is exported.
    const clamp = (y: string) => b.setChannels(b.op('Clip', [y, '', b.scalar('most', 1)]), 16);
    let y = b.input('x', ['batch', 3, 16, 16]);
    for (const name of ['a', 'b', 'c']) y = clamp(b.conv(y, 16, { kernel: 3, name }));
    b.output(b.gemm(b.setChannels(b.flatten(b.globalAveragePool(y)), 16), 10, { name: 'fc' }));
    const activations = { bits, range: 'percentile' } as const;
    const { sqnrDb, operators, integer } = await both(save(b.build()), { width: 6, activations });
    expect(operators.QLinearConv ?? 0).toBe(3);
    const clips = (await readModel(integer.out)).graph!.node.filter(({ opType }) => opType === 'Clip');
    // Those that are left keep the codes of narrow grids in their range.
    expect(clips.length).toBe(bits === 8 ? 0 : 2);
    expect(clips.every(({ output }) => output[0].startsWith('~'))).toBe(true);
    expect(sqnrDb).toBeGreaterThan(bits === 8 ? 25 : 10);
  });

  it.each([1, 'batch'])('stand beside layers that have no integer kernel, batch %s', async (batch) => {
    const model = save(everyLayer({ batch }));
    const { integer, lostDb, operators } = await both(model, { bits: [8, 6, 7, 6, 7, 6, 6, 7, 16, 32] });
    // Two transposed convolutions, two layers of 16 and 32 bits.
    expect(integer.activations).toMatchObject({ integerLayers: 6, layers: 10 });
    expect(operators).toMatchObject({ QLinearConv: 5, QGemm: 1 });
    expect(lostDb).toBeLessThan(3);
  });

  it('go into matrix products, and leave the residual stream of a transformer in floats', async () => {
    const model = save(transformer({ blocks: 2, width: 32 }));
    const { sqnrDb, operators } = await both(model, { width: 6, data: synthetic(16) });
    expect(operators.MatMulIntegerToFloat).toBeGreaterThan(8);
    expect(operators).not.toHaveProperty('QLinearAdd');
    expect(sqnrDb).toBeGreaterThan(20);
  });

  it('lose less the more bits they have', async () => {
    const model = save(tinyCnn());
    const found: number[] = [];
    for (const bits of [4, 5, 6, 7, 8] as const) {
      // At 7 bits, the weights' codes are the same beside all of them.
      const options: Options = { width: 7, overwrite: true, activations: { bits, range: 'mse' } };
      const { sqnrDb, operators } = await both(model, options);
      found.push(sqnrDb);
      expect((operators.Clip ?? 0) > 0).toBe(bits < 8);
    }
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(found[4] - found[0]).toBeGreaterThan(8);
  });

  it('take the bits of each function', async () => {
    const model = save(tinyCnn());
    const written = async (name: string, activations: ActivationChoice): Promise<string> => {
      const options = { rounding: 'nearest', width: 8, out: join(dirname(model), name) } as const;
      return (await quantize(model, { ...options, activations })).out;
    };
    const all4 = await written('4.onnx', { bits: 4, range: 'percentile' });
    const all8 = await written('8.onnx', eight);
    const like4 = await written('like4.onnx', { ...eight, perFunction: [8, 4, 4, 8] });
    const mixed = await written('mixed.onnx', { ...eight, perFunction: [4, 8, 4, 4] });
    expect((await compare(all4, like4)).against!.sqnrDb).toBe(Infinity);
    // One of the two inner functions at 4 bits lies between none and both; the outer ones stay at 8.
    const [least, between, most] = await Promise.all(
      [all4, mixed, all8].map(async (path) => (await compare(model, path)).against!.sqnrDb),
    );
    expect(between).toBeGreaterThan(least);
    expect(between).toBeLessThan(most);
    const metadata = (await readModel(mixed)).metadataProps;
    expect(metadata.find(({ key }) => key === 'ompq.activations')!.value).toBe('4/8 bits, percentile');
    await expect(written('few.onnx', { ...eight, perFunction: [8, 8] })).rejects.toThrow(
      'functions, but bits',
    );
  });

  it.each(['minmax', 'percentile', 'mse'] as const)('find ranges by %s', async (range) => {
    const { sqnrDb, integer } = await both(save(tinyCnn()), { activations: { bits: 8, range }, width: 8 });
    expect(integer.activations!.range).toBe(range);
    expect(sqnrDb).toBeGreaterThan(25);
  });

  it('fold batch norms that turn channels over, kill them or differ between tied weights', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.input('x', ['batch', 3, 10, 10]);
    let y = b.relu(b.bn(b.conv(x, 16, { kernel: 3, name: 'first', bias: false })));
    y = b.relu(b.bn(b.conv(y, 16, { kernel: 3, name: 'tied', bias: false }), { name: 'one' }));
    y = b.op('Conv', [y, 'tied.weight'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    y = b.relu(b.bn(b.setChannels(y, 16), { name: 'two' }));
    b.output(b.gemm(b.setChannels(b.flatten(b.globalAveragePool(y)), 16), 10, { name: 'fc' }));
    const built = b.build();
    for (const name of ['one.weight', 'two.weight', 'bn2.weight']) {
      const gains = built.graph!.initializer.find((each) => each.name === name);
      if (!gains) continue;
      const values = new Float32Array(new Uint8Array(gains.rawData).buffer);
      values[0] *= -1;
      values[1] = 0;
      values[2] = 1e-12;
      gains.rawData = new Uint8Array(values.buffer);
    }
    const { integer, lostDb, operators } = await both(save(built), { width: 5 });
    expect(integer.activations!.integerLayers).toBe(4);
    expect(operators.QLinearConv).toBe(3);
    expect(lostDb).toBeLessThan(2);
  });

  it('keep an output of the model that an integer layer reads, too', async () => {
    const b = new ModelBuilder({ seed: 6 });
    const inner = b.relu(b.conv(b.input('x', ['batch', 3, 8, 8]), 8, { kernel: 3, name: 'a' }));
    const last = b.op('LeakyRelu', [b.conv(inner, 8, { kernel: 3, name: 'b' })], { alpha: float(0.1) });
    b.output(inner);
    b.output(last);
    const { sqnrDb, operators } = await both(save(b.build()), { width: 8 });
    expect(operators.QLinearConv).toBe(2);
    expect(sqnrDb).toBeGreaterThan(25);
  });

  it.each([9, 11, 12])('come with an exact lift of opset %i to 13', async (opset) => {
    const model = save(mobilenetV2({ size: 32, width: 0.25, classes: 10, opset }));
    const { integer, sqnrDb, operators } = await both(model, { width: 6 });
    expect(opsetOf(await readModel(integer.out))).toBe(13);
    expect(operators.QLinearConv).toBe(52);
    expect(sqnrDb).toBeGreaterThan(15);
  });

  it('are refused in one sentence where the model cannot hold them', async () => {
    const { engine } = startEngine();
    // What is left of an older operator set is what could not be lifted.
    const old = everyLayer({ opset: 11 });
    const network = findNetwork(old);
    const bits = network.functions.map(() => 4);
    expect(() => placeActivations(new Graph(old.graph!), network, bits, 8)).toThrow(
      /^Activations can be quantized from opset 13 on, and the model uses 11/,
    );
    const wide = await request(save(tinyCnn()), { activations: eight, width: 16 });
    await expect(engine.request(wide)).rejects.toThrow(/No layer of the model can run on integers/);
    expect(() => statSync(wide.out)).toThrow();
  });
});
