/** Open sizes. That the numbers are right is held against ONNX Runtime in test/engine/shapes.test.ts. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { int64s, node, valueInfo } from '../../../../src/onnx/proto/build';
import { graphBody } from '../../../support/models/graphBody';
import { broadcast, remainder } from '../../../../src/onnx/proto/dims';
import { findNetwork } from '../../../../src/onnx/network/functions';
import { Graph } from '../../../../src/onnx/graph/graph';
import {
  GraphProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
} from '../../../../src/onnx/proto/onnx_pb';
import { inferShapes } from '../../../../src/onnx/shapes/inferShapes';
import { ModelBuilder } from '../../../support/models/builder';
import { doubledSizes, manyAxes } from '../../../support/models/large';

const shapesOf = (b: ModelBuilder, inputs = {}) => inferShapes(new Graph(b.build().graph!), b.opset, inputs);

describe('open sizes', () => {
  it('keep their names as long as nothing changes them', () => {
    const b = new ModelBuilder();
    const x = b.input('x', ['n', 3, 'h', 'w']);
    const same = b.relu(b.conv(x, 8, { kernel: 3 }));
    const halved = b.conv(same, 8, { kernel: 3, stride: 2 });
    const flat = b.flatten(b.globalAveragePool(halved));
    const twice = b.op('Resize', [x, '', b.initializer('s', [4], Float32Array.of(1, 1, 2, 1))]);
    const shapes = shapesOf(b);
    expect(shapes.get(same)).toEqual(['n', 8, 'h', 'w']);
    expect(shapes.get(halved)).toEqual(['n', 8, '', '']);
    expect(shapes.get(flat)).toEqual(['n', 8]);
    expect(shapes.get(twice)).toEqual(['n', 3, '', 'w']);
    expect(shapes.get('unheard of')).toBeNull();
  });

  it('pass through shapes that the graph computes', () => {
    const b = new ModelBuilder();
    const x = b.input('x', ['n', 't', 12]);
    const length = b.op('Slice', [b.op('Shape', [x]), b.int64s('a', [0]), b.int64s('b', [2])]);
    const target = b.op('Concat', [length, b.int64s('c', [3, -1])], { axis: 0 });
    const heads = b.op('Reshape', [x, target]);
    expect(shapesOf(b).get(heads)).toEqual(['n', 't', 3, 4]);
  });

  it('pass through the pads that PyTorch turns round as a matrix', () => {
    const b = new ModelBuilder();
    const x = b.input('x', ['n', 16, 8, 8]);
    // F.pad(x, (0, 0, 0, 0, 8, 8)): from the last axis to the first, in pairs.
    const zeros = b.op('ConstantOfShape', [b.int64s('count', [2])]);
    const pairs = b.op('Concat', [b.int64s('given', [0, 0, 0, 1, 8, 9]), zeros], { axis: 0 });
    const matrix = b.op('Reshape', [pairs, b.int64s('m', [-1, 2])]);
    const turned = b.op('Slice', [
      matrix,
      ...[[-1], [-(2 ** 40)], [0], [-1]].map((v, i) => b.int64s(`s${i}`, v)),
    ]);
    const flat = b.op('Reshape', [b.op('Transpose', [turned], { perm: [1, 0] }), b.int64s('f', [-1])]);
    const padded = b.op('Pad', [x, b.op('Cast', [flat], { to: DataType.INT64 })]);
    expect(shapesOf(b).get(padded)).toEqual(['n', 33, 9, 8]);
  });

  it('are replaced by the shapes that are given, and only then is the file no longer believed', () => {
    const b = new ModelBuilder();
    const x = b.input('x', ['n', 3]);
    const y = b.op('Mystery', [x], {}, { domain: 'my.own' });
    b.graph.valueInfo.push(valueInfo(y, DataType.FLOAT, ['n', 9]));
    expect(shapesOf(b).get(y)).toEqual(['n', 9]);
    expect(shapesOf(b, { x: [2, 3] }).get(x)).toEqual([2, 3]);
    expect(shapesOf(b, { x: [2, 3] }).get(y)).toBeNull();
  });

  it('cancel in a Reshape only when they are surely the same', () => {
    expect(remainder(['n', 4, 6], ['n'])).toBe(24);
    expect(remainder(['n', 4, 6], [12])).toBe('');
    expect(remainder(['n', 6], [6])).toBe('n');
    expect(remainder(['n', 'n'], ['n'])).toBe('n');
    expect(remainder(['', 6], [''])).toBe('');
    expect(remainder([4, 6], [5])).toBe('');
    expect(remainder([4, 6], [0])).toBe('');
  });

  it('follow from pads that the graph turns into ONNX order, as PyTorch exports them', () => {
    const b = new ModelBuilder();
    const x = b.input('x', ['n', 20]);
    const rest = b.op('ConstantOfShape', [b.int64s('two', [2])], {
      value: int64s('', [0]),
    });
    // [left, right of the last axis, of the one before] -> pairs, last axis first -> all begins, all ends.
    const pairs = b.reshape(b.op('Concat', [b.int64s('pads', [3, 4]), rest], { axis: 0 }), [-1, 2]);
    const last = Number.MIN_SAFE_INTEGER;
    const [starts, ends, axes, steps] = [[-1], [last], [0], [-1]].map((list, i) => b.int64s(`s${i}`, list));
    const reversed = b.op('Slice', [pairs, starts, ends, axes, steps]);
    const pads = b.op('Cast', [b.reshape(b.transpose(reversed, [1, 0]), [-1])], { to: DataType.INT64 });
    const y = b.op('Pad', [x, pads], { mode: 'reflect' });
    b.output(y);
    expect(shapesOf(b).get(y)).toEqual(['n', 27]);
  });

  it('broadcast', () => {
    expect(
      broadcast([
        ['n', 1, 5],
        [3, 1],
      ]),
    ).toEqual(['n', 3, 5]);
    expect(broadcast([['n'], ['n']])).toEqual(['n']);
    expect(broadcast([['n'], ['m']])).toEqual(['']);
    expect(broadcast([['n'], [7]])).toEqual([7]);
    expect(broadcast([])).toEqual([]);
  });
});

describe('graphs made to hang us', () => {
  /** Layers, found in no time: bench/graphs. A hang would meet the test's limit. */
  const layersOf = (model: ModelProto) =>
    findNetwork(model, { granularity: 'block' }).functions.reduce(
      (sum, { layers }) => sum + layers.length,
      0,
    );

  it('by doubling a list of sizes again and again', () => {
    expect(layersOf(doubledSizes())).toBe(0);
  });

  it('by a hundred thousand axes', () => {
    expect(layersOf(manyAxes())).toBe(0);
  });

  it('by a tensor with a twenty thousand readers and a node with as many inputs', () => {
    const b = new ModelBuilder();
    const y = b.conv(b.input('x', [1, 2, 3, 3]), 2);
    const readers = Array.from({ length: 20_000 }, (_, i) => node('Neg', [y], [`r${i}`]));
    b.graph.node.push(...readers);
    b.output(
      b.op(
        'Sum',
        readers.map(({ output }) => output[0]),
      ),
    );
    expect(layersOf(b.build())).toBe(1);
  });

  it('by many layers in front of one long chain', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [1, 2, 3, 3]);
    let y = b.op(
      'Sum',
      Array.from({ length: 500 }, () => b.conv(x, 2)),
    );
    for (let i = 0; i < 5_000; i++) y = b.op('Neg', [y]);
    b.output(y);
    expect(layersOf(b.build())).toBe(500);
  });

  it('by impossible sizes', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [Number.MAX_SAFE_INTEGER, 1 << 30, 4, 4]);
    b.setChannels(x, 2);
    b.output(b.op('Tile', [b.conv(x, 2, { kernel: 3 }), b.int64s('r', [2 ** 40, 2 ** 40, -1, 0])]));
    b.output(
      b.op(
        'Range',
        [0n, 1n << 62n, 1n].map((v) => b.initializer('v', [], BigInt64Array.of(v))),
      ),
    );
    expect(layersOf(b.build())).toBe(1);
  });

  it('by bodies within bodies', () => {
    let body = graphBody('leaf', [node('Neg', ['x'], ['y'])], [], [valueInfo('y', 1, null)]);
    for (let depth = 0; depth < 32; depth++) {
      const branch = { then_branch: body, else_branch: body };
      body = graphBody('b', [node('If', ['c'], ['y'], depth < 12 ? branch : { then_branch: body })], [], []);
    }
    const graph = new Graph(create(GraphProtoSchema, { node: body.node }));
    expect(graph.order).toHaveLength(1);
    // What the innermost bodies read counts as read by the outermost node.
    expect(graph.consumers('x')).toEqual([0]);
  });
});
