/** Second moments of layer inputs: for every kind of layer, w^T (U^T U) w must be the energy of the layer's own output. */
import { toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { Job } from '../../src/engine/process/job/job';
import { type FloatSide, isCheapFromInputs, layerMoments } from '../../src/engine/process/rounding/moments';
import { LayerwiseRun } from '../../src/engine/process/rounding/layerwiseRun';
import { im2colLayer } from '../../src/engine/process/rounding/roundNetwork';
import { residualOf } from '../../src/engine/process/rounding/residual';
import { outputLayout } from '../../src/engine/process/rounding/responses';
import { gatherRows } from '../../src/engine/process/rounding/rows';
import { pickedPositions, im2col, viewOf } from '../../src/engine/process/rounding/im2col';
import type { AttributeValue } from '../../src/onnx/proto/build';
import { findNetwork } from '../../src/onnx/network/functions';
import { Graph } from '../../src/onnx/graph/graph';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { readFloats } from '../../src/onnx/proto/tensors';
import { heldTensors } from '../../src/onnx/packing/weights';
import { ModelBuilder } from '../support/models/builder';

interface Case {
  op: string;
  x: number[];
  weights: number[];
  attributes?: Record<string, AttributeValue>;
  /** Weights on the left of the product. */
  left?: boolean;
  /** Weights go through this before the layer reads them. */
  through?: [op: string, attributes: Record<string, AttributeValue>];
  /** Axis of the output that channels run along. */
  channels: number;
}

const cases: Record<string, Case> = {
  conv: {
    op: 'Conv',
    x: [3, 4, 9, 8],
    weights: [5, 4, 3, 2],
    attributes: { strides: [2, 1], pads: [1, 0, 1, 1], dilations: [2, 1], kernel_shape: [3, 2] },
    channels: 1,
  },
  'conv, padded to the same size': {
    op: 'Conv',
    x: [2, 3, 7, 7],
    weights: [6, 3, 3, 3],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
    channels: 1,
  },
  'grouped conv': {
    op: 'Conv',
    x: [2, 6, 5, 5],
    weights: [9, 2, 3, 3],
    attributes: { group: 3 },
    channels: 1,
  },
  'depthwise conv': {
    op: 'Conv',
    x: [2, 6, 6, 6],
    weights: [12, 1, 3, 3],
    attributes: { group: 6, pads: [1, 1, 1, 1] },
    channels: 1,
  },
  'conv of one axis': { op: 'Conv', x: [4, 3, 20], weights: [5, 3, 4], channels: 1 },
  'conv of three axes': { op: 'Conv', x: [1, 2, 5, 4, 6], weights: [3, 2, 2, 3, 2], channels: 1 },
  'transposed conv': {
    op: 'ConvTranspose',
    x: [2, 4, 5, 4],
    weights: [4, 6, 3, 2],
    attributes: { strides: [2, 3], pads: [1, 0, 0, 1], output_padding: [1, 0] },
    channels: 1,
  },
  'depthwise transposed conv': {
    op: 'ConvTranspose',
    x: [2, 5, 4, 4],
    weights: [5, 1, 2, 2],
    attributes: { strides: [2, 2], group: 5 },
    channels: 1,
  },
  'gemm, transposed weights': {
    op: 'Gemm',
    x: [11, 7],
    weights: [5, 7],
    attributes: { transB: 1 },
    channels: 1,
  },
  gemm: { op: 'Gemm', x: [11, 7], weights: [7, 5], channels: 1 },
  'gemm, both transposed': {
    op: 'Gemm',
    x: [7, 11],
    weights: [5, 7],
    attributes: { transA: 1, transB: 1 },
    channels: 1,
  },
  'gemm, weights first': { op: 'Gemm', x: [7, 11], weights: [5, 7], left: true, channels: 0 },
  'gemm, weights first, all transposed': {
    op: 'Gemm',
    x: [11, 7],
    weights: [7, 5],
    left: true,
    attributes: { transA: 1, transB: 1 },
    channels: 0,
  },
  matmul: { op: 'MatMul', x: [2, 3, 7], weights: [7, 5], channels: 2 },
  'matmul, weights first': { op: 'MatMul', x: [3, 7, 4], weights: [5, 7], left: true, channels: 1 },
  'matmul, weights transposed by a node': {
    op: 'MatMul',
    x: [4, 7],
    weights: [5, 7],
    through: ['Transpose', { perm: [1, 0] }],
    channels: 1,
  },
};

function build({ op, x, weights, attributes = {}, left, through }: Case) {
  const b = new ModelBuilder({ seed: 5 });
  b.input('x', x);
  let w = b.weight('w', weights, 1);
  if (through) w = b.op(through[0], [w], through[1]);
  b.op(op, left ? [w, 'x'] : ['x', w], attributes, { output: 'y' });
  return { model: b.output('y').build(), feed: b.random.normals(x.reduce((m, n) => m * n, 1)) };
}

const quiet = () =>
  new Job(
    () => undefined,
    () => undefined,
  );

function outputChannels({ op, weights, attributes, left, through }: Case): number {
  if (op === 'ConvTranspose') return weights[1] * Number(attributes?.group ?? 1);
  if (op === 'Conv' || left) return left && attributes?.transA ? weights[1] : weights[0];
  return attributes?.transB || through ? weights[0] : weights[1];
}

describe.each([
  ['unfolded at once', undefined],
  ['unfolded sample by sample', 1],
])('second moments, %s', (_, unfoldedBytes) => {
  it.each(Object.entries(cases))('%s', async (_, each) => {
    const { model, feed } = build(each);
    const job = quiet();
    const graph = new Graph(model.graph!);
    const { layers } = findNetwork(model).functions[0];
    const position = graph.producerIndex('y')!;
    const unfolded = (await im2colLayer(model, graph, layers[0], position, '/m.onnx'))!;
    const { groups, rows, columns } = unfolded.rows;
    const blocks = [{ x: { type: 'float32' as const, data: feed, dims: each.x } }];
    const prefix = new LayerwiseRun(model, graph, '/m.onnx', job, blocks);
    const values = new Float32Array(new Uint8Array(model.graph!.initializer[0].rawData).buffer);
    const weights = gatherRows(values, unfolded.rows);
    const float = { tensors: prefix, weights: Float32Array.from(weights), output: null };
    const { moments, means, responses, used, all } = await layerMoments(
      unfolded,
      prefix,
      float,
      '/m.onnx',
      job,
      undefined,
      unfoldedBytes,
    );
    expect(used).toBe(all);

    const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model));
    const { y } = await session.run({ x: new ort.Tensor('float32', feed, each.x) });
    const energy = new Float64Array(groups * rows);
    const total = new Float64Array(groups * rows);
    const inner = y.dims.slice(each.channels + 1).reduce((m, n) => m * n, 1);
    (y.data as Float32Array).forEach((value, i) => {
      const row = Math.floor(i / inner) % energy.length;
      energy[row] += value ** 2;
      total[row] += value;
    });
    for (let g = 0; g < groups; g++) {
      for (let r = 0; r < rows; r++) {
        const w = weights.subarray((g * rows + r) * columns, (g * rows + r + 1) * columns);
        let sum = 0;
        for (let i = 0; i < columns; i++) {
          let dot = 0;
          for (let j = 0; j < columns; j++) dot += moments[g][i * columns + j] * w[j];
          sum += w[i] * dot;
          // The float network's inputs are the same here, so its responses are W H.
          expect(responses![g][r * columns + i]).toBeCloseTo(dot, 4);
        }
        expect(sum * used).toBeCloseTo(energy[g * rows + r], 2);
        const mean = w.reduce((at, value, k) => at + value * means[g][k], 0);
        expect(mean * used).toBeCloseTo(total[g * rows + r], 3);
      }
    }
  });
});

const biases: Record<string, number[]> = { Conv: [1], ConvTranspose: [1], Gemm: [1] };

it.each(Object.entries(cases))("responses told by the layer's own output: %s", async (_, each) => {
  const { op, x, weights, attributes = {}, left, through, channels } = each;
  const job = quiet();
  const b = new ModelBuilder({ seed: 6 });
  b.input('x', x);
  let w = b.weight('w', weights, 1);
  if (through) w = b.op(through[0], [w], through[1]);
  const plain = left ? [w, 'x'] : ['x', w];
  const count = outputChannels(each);
  const bias = biases[op] ? [b.weight('bias', left ? [count, 1] : [count], 1)] : [];
  b.op(op, [...plain, ...bias], attributes, { output: 'y' });
  const model = b.output('y').build();
  const feed = b.random.normals(x.reduce((m, n) => m * n, 1));
  const floatFeed = feed.map((value) => value + 0.5 * b.random.normal());
  const graph = new Graph(model.graph!);
  const held = heldTensors(model.graph!);
  const { layers } = findNetwork(model).functions[0];
  const position = graph.producerIndex('y')!;
  const unfolded = (await im2colLayer(model, graph, layers[0], position, '/m.onnx'))!;
  const side = (data: Float32Array) =>
    new LayerwiseRun(model, graph, '/m.onnx', job, [{ x: { type: 'float32', data, dims: x } }]);
  const [inputs, floatInputs, outputs] = [side(feed), side(floatFeed), side(floatFeed)];
  await outputs.advance(position + 1, new Map(), ['y', 'x']);
  const values = await readFloats(held.get('w')!.tensor, '/m.onnx');
  const float = Float32Array.from(gatherRows(values, unfolded.rows));
  const output = await outputLayout(unfolded, graph, held, '/m.onnx');
  expect(output?.channelsLast).toBe(channels === outputs.tensor(0, 'y').dims.length - 1);
  const momentsOf = (sideOfFloat: FloatSide) => layerMoments(unfolded, inputs, sideOfFloat, '/m.onnx', job);
  const told = await momentsOf({ tensors: outputs, weights: float, output });
  const computed = await momentsOf({ tensors: floatInputs, weights: float, output: null });
  expect(told.responses!.length).toBe(computed.responses!.length);
  computed.responses!.forEach((group, g) =>
    group.forEach((value, i) => expect(told.responses![g][i]).toBeCloseTo(value, 4)),
  );

  // What shrinkage needs beside: means and products column by column, from the unfolded inputs themselves.
  const { groups, rows, columns } = unfolded.rows;
  const view = await viewOf(unfolded, x, '/m.onnx');
  const [u, uf] = [feed, floatFeed].map((data) => {
    const all = new Float32Array(groups * columns * view.samples * view.positions);
    im2col(all, data, view, groups * columns, { from: 0, count: view.samples, start: 0, step: 1 });
    return all;
  });
  const used = view.samples * view.positions;
  for (const { marginals } of [told, computed]) {
    for (let g = 0; g < groups; g++) {
      const { floatMeans, products, outputs: means } = marginals![g];
      for (let k = 0; k < columns; k++) {
        const at = (g * columns + k) * used;
        const mean = uf.subarray(at, at + used).reduce((sum, value) => sum + value / used, 0);
        const product = uf
          .subarray(at, at + used)
          .reduce((sum, value, p) => sum + (value * u[at + p]) / used, 0);
        expect(floatMeans[k]).toBeCloseTo(mean, 5);
        expect(products[k]).toBeCloseTo(product, 5);
      }
      for (let r = 0; r < rows; r++) {
        const w = float.subarray((g * rows + r) * columns, (g * rows + r + 1) * columns);
        expect(means[r]).toBeCloseTo(
          w.reduce((sum, value, k) => sum + value * floatMeans[k], 0),
          4,
        );
      }
    }
  }
});

it.each([
  ['a few of many positions', { op: 'Conv', x: [4, 8, 96, 96], weights: [8, 8, 1, 1], channels: 1 }, true],
  ['all of few positions', { op: 'Conv', x: [4, 64, 4, 4], weights: [8, 64, 1, 1], channels: 1 }, false],
] as const)('responses are computed from the inputs at %s: %o, %s', async (_, each, isCheap) => {
  const { x, weights } = each;
  const { model, feed } = build({ ...each, x: [...x], weights: [...weights] });
  const graph = new Graph(model.graph!);
  const { layers } = findNetwork(model).functions[0];
  const unfolded = (await im2colLayer(model, graph, layers[0], graph.producerIndex('y')!, '/m.onnx'))!;
  const inputs = new LayerwiseRun(model, graph, '/m.onnx', quiet(), [
    { x: { type: 'float32', data: feed, dims: [...x] } },
  ]);
  expect(await isCheapFromInputs(unfolded, inputs, '/m.onnx')).toBe(isCheap);
});

it('responses make up for what the other side of a residual sum lost', async () => {
  const b = new ModelBuilder({ seed: 8 });
  const x = b.input('x', ['n', 4, 3, 3]);
  const skip = b.relu(x);
  const y = b.conv(b.relu(x), 4, { kernel: 1, name: 'conv' });
  const model = b.output(b.add(y, skip)).build();
  const graph = new Graph(model.graph!);
  const { layers } = findNetwork(model).functions[0];
  const position = graph.producerIndex(layers[0].output)!;
  expect(residualOf(graph, layers[0], position)).toBe(skip);
  const unfolded = (await im2colLayer(model, graph, layers[0], position, '/m.onnx'))!;
  const output = await outputLayout(unfolded, graph, heldTensors(model.graph!), '/m.onnx');
  const dims = [5, 4, 3, 3];
  const size = 180;
  const [seen, wanted] = [b.random.normals(size), b.random.normals(size)];
  const prefixOf = (data: Float32Array) =>
    new LayerwiseRun(model, graph, '/m.onnx', quiet(), [{ x: { type: 'float32', data, dims } }]);
  const [quantized, tensors] = [prefixOf(seen), prefixOf(wanted)];
  await quantized.advance(position, new Map());
  await tensors.advance(position + 1, new Map(), [layers[0].output, layers[0].input]);
  const weights = new Float32Array(16);
  const momentsOf = (residual: string | null) =>
    layerMoments(unfolded, quantized, { tensors, weights, output, residual }, '/m.onnx', quiet());
  const [plain, whole] = [await momentsOf(null), await momentsOf(skip)];
  const lost = (i: number) => Math.max(0, wanted[i]) - Math.max(0, seen[i]);
  for (let r = 0; r < 4; r++) {
    for (let k = 0; k < 4; k++) {
      let sum = 0;
      for (let s = 0; s < 5; s++) {
        for (let p = 0; p < 9; p++) {
          sum += lost((s * 4 + r) * 9 + p) * Math.max(0, seen[(s * 4 + k) * 9 + p]);
        }
      }
      const more = whole.responses![0][r * 4 + k] - plain.responses![0][r * 4 + k];
      expect(more).toBeCloseTo(sum / 45, 5);
    }
  }
  expect([...whole.moments[0]]).toEqual([...plain.moments[0]]);
});

/** Unfolded by loops, as the definition has it: panels and chunks must not show. */
it('moments of many columns, in panels, from several blocks', async () => {
  const b = new ModelBuilder({ seed: 7 });
  const [columns, rows, sizes] = [700, 3, [40, 25]];
  const model = b.output(b.gemm(b.input('x', ['n', columns]), rows, { name: 'fc' })).build();
  const graph = new Graph(model.graph!);
  const { layers } = findNetwork(model).functions[0];
  const position = graph.producerIndex(layers[0].output)!;
  const unfolded = (await im2colLayer(model, graph, layers[0], position, '/m.onnx'))!;
  const blocks = sizes.map((n) => ({
    x: { type: 'float32' as const, data: b.random.normals(n * columns), dims: [n, columns] },
  }));
  const prefix = new LayerwiseRun(model, graph, '/m.onnx', quiet(), blocks);
  const { moments, used } = await layerMoments(unfolded, prefix, null, '/m.onnx', quiet());
  expect(used).toBe(65);
  for (let i = 0; i < columns; i += 37) {
    for (let j = 0; j < columns; j += 41) {
      let sum = 0;
      for (const { x } of blocks) {
        for (let at = 0; at < x.data.length; at += columns) sum += x.data[at + i] * x.data[at + j];
      }
      expect(moments[0][i * columns + j]).toBeCloseTo(sum / 65, 5);
    }
  }
});

it.each(Object.entries(cases))('at some positions of some samples: %s', async (_, each) => {
  const { model, feed } = build(each);
  const graph = new Graph(model.graph!);
  const { layers } = findNetwork(model).functions[0];
  const unfolded = (await im2colLayer(model, graph, layers[0], graph.producerIndex('y')!, '/m.onnx'))!;
  const columns = unfolded.rows.groups * unfolded.rows.columns;
  const view = await viewOf(unfolded, each.x, '/m.onnx');
  const { samples, positions } = view;
  const all = new Float32Array(columns * samples * positions);
  im2col(all, feed, view, columns, { from: 0, count: samples, start: 0, step: 1 });
  const from = samples - 1;
  for (const [start, step] of [
    [0, 2],
    [1, 3],
  ]) {
    const picked = pickedPositions(positions, start, step);
    const some = new Float32Array(columns * picked);
    im2col(some, feed, view, columns, { from, count: 1, start, step });
    some.forEach((value, i) => {
      const [column, p] = [Math.floor(i / picked), i % picked];
      expect(value).toBe(all[(column * samples + from) * positions + start + p * step]);
    });
  }
});
