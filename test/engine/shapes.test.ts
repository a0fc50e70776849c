/** Our shape inference against the shapes that ONNX Runtime really puts out. */
import { toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float, valueInfo } from '../../src/onnx/proto/build';
import { opsetOf } from '../../src/onnx/proto/attributes';
import { readModel } from '../../src/onnx/files/file';
import { Graph } from '../../src/onnx/graph/graph';
import {
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from '../../src/onnx/proto/onnx_pb';
import { inferShapes } from '../../src/onnx/shapes/inferShapes';
import { ModelBuilder } from '../support/models/builder';
import { paddleClassifier, paddleDetector, paddleRecognizer } from '../support/models/thirdparty';
import { mobilenetV2, resnet18, transformer } from '../support/models/zoo';

/**
 * Runs the model with every tensor as an output.
 * @returns how many tensors there are, those whose shape we do not know, and those where we are wrong
 */
async function compare(model: ModelProto, inputs: Record<string, number[]>) {
  const graph = model.graph!;
  const inferred = inferShapes(new Graph(graph), opsetOf(model), inputs);
  const names = graph.node.filter(({ opType }) => opType !== 'Constant').flatMap(({ output }) => output);
  const before = graph.output;
  const known = new Set(before.map(({ name }) => name));
  graph.output = [...before];
  // The type may be left open: ONNX Runtime infers it.
  for (const name of names) {
    if (name === '' || known.has(name)) continue;
    const info = valueInfo(name, DataType.FLOAT, null);
    info.type = undefined;
    graph.output.push(info);
  }
  const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model), {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
  });
  graph.output = before;
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, dims]) => {
      const size = dims.reduce((a, b) => a * b, 1);
      return [
        name,
        new ort.Tensor(
          'float32',
          Float32Array.from({ length: size }, (_, i) => (i % 7) - 3),
          dims,
        ),
      ];
    }),
  );
  const outputs = await session.run(feeds);
  await session.release();
  const unknown: string[] = [];
  const wrong: string[] = [];
  for (const [name, { dims }] of Object.entries(outputs)) {
    const shape = inferred.get(name);
    if (!shape || shape.some((dim) => typeof dim === 'string')) unknown.push(name);
    else if (shape.join() !== dims.join())
      wrong.push(`${name}: inferred ${shape.join('x')}, is ${dims.join('x')}`);
  }
  return { count: Object.keys(outputs).length, unknown, wrong };
}

describe('inferred shapes are the real ones', () => {
  it.each([
    ['the classifier', paddleClassifier.path, [2, 3, 48, 192]],
    ['the recognizer', paddleRecognizer.path, [1, 3, 48, 320]],
    ['the detector', paddleDetector.path, [1, 3, 160, 96]],
  ])('of PaddleOCR, %s', async (_name, path, shape) => {
    const { count, unknown, wrong } = await compare(await readModel(path), { x: shape });
    expect(wrong).toEqual([]);
    expect(unknown).toEqual([]);
    expect(count).toBeGreaterThan(200);
  });

  it.each([
    ['ResNet-18', () => resnet18({ width: 0.25, size: 65 }), { input: [2, 3, 65, 65] }],
    ['MobileNetV2', () => mobilenetV2({ width: 0.25, size: 47, batchNorm: true }), { input: [1, 3, 47, 47] }],
    ['a transformer', () => transformer(), { tokens: [3, 6, 16] }],
  ])('of %s', async (_name, make, shapes) => {
    const { unknown, wrong } = await compare(make(), shapes);
    expect({ unknown, wrong }).toEqual({ unknown: [], wrong: [] });
  });

  it('of many operators, one by one', async () => {
    const b = new ModelBuilder({ opset: 17 });
    const x = b.input('x', [2, 4, 9, 7]);
    const ints = (...values: number[]) => b.int64s('c', values);
    const f = (...values: number[]) => b.initializer('f', [values.length], Float32Array.from(values));
    const scalar = (value: bigint) => b.initializer('r', [], BigInt64Array.of(value));
    /** A node with several outputs. */
    const many = (count: number, type: string, inputs: string[], attributes: Record<string, number>) => {
      const first = b.op(type, inputs, attributes);
      const made = b.graph.node[b.graph.node.length - 1];
      for (let i = 1; i < count; i++) made.output.push(`${first}${i}`);
      return first;
    };
    const w = (...dims: number[]) => b.weight('w', dims, 1);
    const all = [
      b.op('Conv', [x, w(6, 2, 3, 2)], { group: 2, strides: [2, 1], dilations: [1, 2], pads: [1, 0, 2, 1] }),
      b.op('Conv', [x, w(6, 4, 3, 3)], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
      b.op('Conv', [x, w(6, 4, 3, 3)], { auto_pad: 'VALID', strides: [2, 2] }),
      b.op('ConvTranspose', [x, w(4, 3, 3, 3)], {
        group: 2,
        strides: [2, 3],
        pads: [1, 1, 0, 1],
        output_padding: [1, 0],
      }),
      b.op('ConvTranspose', [x, w(4, 3, 3, 3)], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
      b.op('ConvTranspose', [x, w(4, 3, 3, 3)], { output_shape: [19, 15], strides: [2, 2] }),
      b.op('MaxPool', [x], { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1, pads: [1, 0, 1, 1] }),
      b.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [3, 3] }),
      b.op('MaxPool', [x], { kernel_shape: [3, 3], dilations: [2, 2] }),
      b.op('GlobalMaxPool', [x]),
      b.op('Resize', [x, '', f(1, 1, 2, 0.5)], { mode: 'nearest' }),
      b.op('Resize', [x, '', '', ints(2, 4, 5, 3)], { mode: 'nearest' }),
      b.op('Pad', [x, ints(0, 1, 2, 0, 0, 0, 1, 3)]),
      b.op('DepthToSpace', [x], { blocksize: 2 }),
      b.op('Slice', [x, ints(1, 6), ints(-2, 0), ints(2, 3), ints(2, -3)]),
      b.op('Slice', [x, ints(-100), ints(2 ** 40), ints(-1)]),
      b.op('Gather', [x, ints(2, 0, 1)], { axis: 1 }),
      b.op('Transpose', [x], { perm: [3, 1, 0, 2] }),
      b.op('Transpose', [x]),
      b.op('Reshape', [x, ints(0, -1, 7)]),
      b.op('Flatten', [x], { axis: 2 }),
      b.op('Flatten', [x], { axis: 0 }),
      b.op('Unsqueeze', [x, ints(0, -1)]),
      b.op('Squeeze', [b.op('ReduceMax', [x], { axes: [2], keepdims: 1 }), ints(2)]),
      b.op('Squeeze', [b.op('GlobalAveragePool', [x])]),
      b.op('ReduceMean', [x], { axes: [-1, 1], keepdims: 0 }),
      b.op('ReduceSum', [x, ints(0, 3)], { keepdims: 1 }),
      b.op('ReduceMean', [x], { keepdims: 0 }),
      b.op('ArgMax', [x], { axis: -2, keepdims: 0 }),
      b.op('Concat', [x, b.op('Neg', [x])], { axis: -1 }),
      b.op('Expand', [b.op('GlobalAveragePool', [x]), ints(1, 4, 3, 1)]),
      b.op('Tile', [x, ints(1, 2, 1, 3)]),
      b.op('Add', [x, w(4, 1, 7)]),
      b.op('Where', [b.op('Greater', [x, b.scalar('z', 0)]), x, w(3, 1, 1, 1, 1)]),
      b.op('MatMul', [x, w(7, 5)]),
      b.op('MatMul', [x, w(7)]),
      b.op('MatMul', [w(5, 4, 3, 9), b.op('Slice', [x, ints(0), ints(1), ints(0)])]),
      b.op('Gemm', [b.op('Flatten', [x]), w(5, 252)], { transB: 1 }),
      b.op('Einsum', [x, w(7, 5)], { equation: 'nchw,wk->nkhc' }),
      many(2, 'TopK', [x, ints(3)], { axis: 2 }),
      b.op('Softmax', [x], { axis: 1 }),
      b.op('LayerNormalization', [x, w(7)], { axis: -1 }),
      b.op('ConstantOfShape', [b.op('Shape', [x], { start: 1, end: -1 })]),
      b.op('Range', [scalar(2n), scalar(11n), scalar(4n)]),
      b.op(
        'LSTM',
        [b.op('Squeeze', [b.op('ReduceMean', [x], { axes: [1] }), ints(1)]), w(2, 12, 7), w(2, 12, 3)],
        { hidden_size: 3, direction: 'bidirectional' },
      ),
      b.op('HardSigmoid', [x], { alpha: float(0.5) }),
    ];
    // Sizes that the graph computes itself: half the height, by Shape, Gather, Div and Concat.
    const height = b.op('Gather', [b.op('Shape', [x]), ints(2)]);
    const half = b.op('Div', [height, ints(2)]);
    const target = b.op('Concat', [b.op('Shape', [x], { end: 2 }), half, ints(5)], { axis: 0 });
    all.push(
      b.op('Resize', [x, '', '', b.op('Cast', [target], { to: DataType.INT64 })], { mode: 'nearest' }),
    );
    all.push(many(3, 'Split', [x], { axis: 2 }), many(2, 'Split', [x, ints(5, 2)], { axis: 3 }));
    expect(new Set(all).size).toBe(all.length);
    const { count, unknown, wrong } = await compare(b.build(), { x: [2, 4, 9, 7] });
    expect({ unknown, wrong }).toEqual({ unknown: [], wrong: [] });
    expect(count).toBeGreaterThanOrEqual(all.length);
  });

  it('of older operator sets, where axes, pads and scales are attributes', async () => {
    const b = new ModelBuilder({ opset: 9 });
    const x = b.input('x', [2, 4, 9, 7]);
    const all = [
      b.op('Slice', [x], { axes: [2, 3], starts: [1, -3], ends: [8, 100] }),
      b.op('Pad', [x], { pads: [0, 0, 1, 2, 0, 0, 3, 0] }),
      b.op('Upsample', [x, b.initializer('scales', [4], Float32Array.of(1, 1, 2, 3))], { mode: 'nearest' }),
      b.op('Squeeze', [b.op('GlobalAveragePool', [x])], { axes: [2, 3] }),
      b.op('Unsqueeze', [x], { axes: [4] }),
      b.op('ReduceSum', [x], { axes: [1] }),
      b.op('Clip', [x], { min: float(0), max: float(1) }),
      b.op('Dropout', [x], { ratio: float(0.5) }),
    ];
    expect(new Set(all).size).toBe(all.length);
    const { count, unknown, wrong } = await compare(b.build(), { x: [2, 4, 9, 7] });
    expect({ unknown, wrong }).toEqual({ unknown: [], wrong: [] });
    expect(count).toBeGreaterThanOrEqual(all.length);
  });
});
