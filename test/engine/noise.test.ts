import { describe, expect, it } from 'vitest';
import { roundRows } from '../../src/core/rounding/rows';
import { layerNoise } from '../../src/engine/process/contest/noise';
import { Job } from '../../src/engine/process/job/job';
import { findNetwork } from '../../src/onnx/network/functions';
import { TensorProto_DataType as DataType } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { Random } from '../support/models/random';
import { save, startEngine, synthetic } from './harness';

describe('noise of a function', () => {
  it('is the energy of the output error over the variance of the output, blocks added up', async () => {
    const [samples, inputs, outputs] = [40, 12, 7];
    const b = new ModelBuilder({ seed: 4 });
    const model = b.output(b.gemm(b.input('x', ['batch', inputs]), outputs, { name: 'fc' })).build();
    const random = new Random(2);
    // A mean far from zero: noise is held against the variance, not against the energy.
    const x = random.normals(samples * inputs).map((value) => value + 3);
    const weights = new Float32Array(new Uint8Array(model.graph!.initializer[0].rawData).buffer);
    const half = (samples / 2) * inputs;
    const blocks = [x.slice(0, half), x.slice(half)].map((data) => ({
      x: { type: 'float32' as const, data, dims: [samples / 2, inputs] },
    }));
    const job = new Job(
      () => undefined,
      () => undefined,
    );
    const network = findNetwork(model);
    const { noise, activationNoise } = await layerNoise({
      model,
      network,
      path: '/m.onnx',
      widths: [2, 4],
      activationWidths: [4, 8],
      inputs: blocks,
      job,
    });

    const product = (w: ArrayLike<number>) =>
      Array.from({ length: samples * outputs }, (_, i) => {
        const [s, r] = [Math.floor(i / outputs), i % outputs];
        return Array.from({ length: inputs }, (__, k) => x[s * inputs + k] * w[r * inputs + k]).reduce(
          (p, q) => p + q,
        );
      });
    const y = product(weights);
    let variance = 0;
    for (let r = 0; r < outputs; r++) {
      const column = y.filter((_, i) => i % outputs === r);
      const mean = column.reduce((p, q) => p + q) / samples;
      variance += column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples;
    }
    for (const bits of [2, 4]) {
      const all = { weights: Float64Array.from(weights), rows: outputs, columns: inputs, bits };
      const { codes, scales } = await roundRows(all, 'nearest', { roundScale: Math.fround });
      const error = product(
        Array.from(codes, (code, i) => code * scales[Math.floor(i / inputs)] - weights[i]),
      );
      const energy = error.reduce((sum, value) => sum + value ** 2, 0) / samples;
      expect(noise[0][bits] / (energy / variance)).toBeCloseTo(1, 3);
    }
    expect(noise[0][4]).toBeLessThan(noise[0][2] / 4);
    // So few values that a percentile leaves nothing out: the grid's ends are the values' (a histogram's bin aside).
    const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
    for (const bits of [4, 8]) {
      const scale = (high - low) / (2 ** bits - 1);
      const zero = Math.round(-low / scale);
      const off = Array.from(x, (value) => (Math.round(value / scale) + zero - zero) * scale - value);
      let energy = 0;
      for (let s = 0; s < samples; s++) {
        for (let r = 0; r < outputs; r++) {
          let sum = 0;
          for (let k = 0; k < inputs; k++) sum += off[s * inputs + k] * weights[r * inputs + k];
          energy += sum ** 2 / samples;
        }
      }
      expect(activationNoise![0][bits] / (energy / variance)).toBeCloseTo(1, 1);
    }
  });

  it('of a table is that of the rows that the samples pick, as often as they pick them', async () => {
    const [rows, length] = [40, 16];
    const b = new ModelBuilder({ seed: 4 });
    const ids = b.input('ids', ['batch', 3], DataType.INT64);
    b.output(b.op('Gather', [b.weight('table', [rows, length], 1), ids], {}, { name: 'embed' }));
    const model = b.build();
    // Row -1 is row 39.
    const picks = [5, 5, 5, 7, 39, -1, 5, 0, 7];
    const inputs = [picks.slice(0, 3), picks.slice(3)].map((part) => ({
      ids: { type: 'int64' as const, data: BigInt64Array.from(part, BigInt), dims: [part.length / 3, 3] },
    }));
    const job = new Job(
      () => undefined,
      () => undefined,
    );
    const network = findNetwork(model);
    const { noise } = await layerNoise({ model, network, path: '/m.onnx', widths: [2, 4], inputs, job });

    const table = Float64Array.from(
      new Float32Array(new Uint8Array(model.graph!.initializer[0].rawData).buffer),
    );
    const picked = (values: ArrayLike<number>) =>
      picks.map((row) => Array.from({ length }, (_, k) => values[((row + rows) % rows) * length + k]));
    const y = picked(table);
    let variance = 0;
    for (let k = 0; k < length; k++) {
      const mean = y.reduce((sum, row) => sum + row[k], 0) / picks.length;
      variance += y.reduce((sum, row) => sum + (row[k] - mean) ** 2, 0) / picks.length;
    }
    for (const bits of [2, 4]) {
      const problem = { weights: table, rows, columns: length, bits };
      const { codes, scales } = await roundRows(problem, 'nearest', { roundScale: Math.fround });
      const error = picked(Array.from(codes, (code, i) => code * scales[Math.floor(i / length)] - table[i]));
      const energy = error.flat().reduce((sum, value) => sum + value ** 2, 0) / picks.length;
      expect(noise[0][bits] / (energy / variance)).toBeCloseTo(1, 6);
    }
  });

  it('of weights that two layers share is the same as that of copies, and of a layer without moments close to it', async () => {
    const build = (copies: boolean) => {
      const b = new ModelBuilder({ seed: 6 });
      const first = b.gemm(b.input('x', ['batch', 12]), 12, { name: 'first' });
      const own = b.graph.initializer.find(({ name }) => name === 'first.weight')!;
      const again = new Float32Array(new Uint8Array(own.rawData).buffer);
      const weight = copies ? b.initializer('copy', [12, 12], again) : 'first.weight';
      b.output(b.op('Gemm', [b.op('Tanh', [first]), weight], { transB: 1 }, { name: 'second' }));
      return b.build();
    };
    const data = new Random(3).normals(200 * 12);
    const inputs = [{ x: { type: 'float32' as const, data, dims: [200, 12] } }];
    const job = new Job(
      () => undefined,
      () => undefined,
    );
    const measured = (copies: boolean, wide = new Set<string>()) => {
      const model = build(copies);
      const network = findNetwork(model);
      return layerNoise({ model, network, path: '/m.onnx', widths: [3, 5], wide, inputs, job });
    };
    const [tied, apart, wide] = [
      await measured(false),
      await measured(true),
      await measured(true, new Set(['first'])),
    ];
    expect(tied.noise).toEqual(apart.noise);
    // Inputs that are drawn apart from each other are uncorrelated.
    for (const bits of [3, 5]) expect(wide.noise[0][bits] / apart.noise[0][bits]).toBeCloseTo(1, 0.5);
  });
});

describe('noise as the outputs notice it', () => {
  /** Two layers side by side, of which the outputs hear one a hundred times louder. */
  const model = () => {
    const b = new ModelBuilder({ seed: 3 });
    const x = b.input('x', ['batch', 16]);
    const times = (y: string, factor: number) =>
      b.op('Mul', [y, b.initializer(`times${factor}`, [1], Float32Array.of(factor))]);
    const loud = times(b.gemm(x, 8, { name: 'loud' }), 10);
    const soft = times(b.gemm(x, 8, { name: 'soft' }), 0.1);
    return save(b.output(b.op('Concat', [loud, soft], { axis: 1 })).build());
  };

  it.each(['nearest', 'gptq'] as const)('weighs each function by it, rounded by %s', async (rounding) => {
    const { engine } = startEngine();
    const { noise } = await engine.request({
      kind: 'noise',
      model: model(),
      granularity: 'layer',
      widths: [2, 3, 4],
      rounding,
      data: synthetic(48),
      memoryLimit: 0,
    });
    const [loud, soft] = noise;
    for (const bits of [2, 3, 4]) {
      // The one makes 10^4 times the other's power; an output that hardly counts keeps a hundredth of the middle weight.
      expect(loud[bits] / soft[bits]).toBeGreaterThan(50);
    }
    expect(loud[2]).toBeGreaterThan(2 * loud[3]);
    expect(loud[3]).toBeGreaterThan(2 * loud[4]);
  });
});
