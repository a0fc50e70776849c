import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  findAttribute,
  intAttribute,
  intsAttribute,
  opsetOf,
  stringAttribute,
} from '../../../../src/onnx/proto/attributes';
import { attribute, float, floats, node, scalar, valueInfo } from '../../../../src/onnx/proto/build';
import { graphBody } from '../../../support/models/graphBody';
import { Graph } from '../../../../src/onnx/graph/graph';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  TensorProto_DataType as DataType,
} from '../../../../src/onnx/proto/onnx_pb';
import { smallValues } from '../../../../src/onnx/proto/tensors';
import { Names } from '../../../../src/onnx/graph/names';
import { ModelBuilder } from '../../../support/models/builder';
import { tinyCnn } from '../../../support/models/zoo';

const graphOf = (nodes: NodeProto[]) => new Graph(create(GraphProtoSchema, { node: nodes }));

describe('a graph', () => {
  it('knows producers and consumers', () => {
    const graph = new Graph(tinyCnn().graph!);
    expect(graph.producer('stem_out')?.name).toBe('stem');
    expect(graph.producer('input')).toBeUndefined();
    const [relu] = graph.consumers('stem_out');
    expect(graph.order[relu].opType).toBe('Relu');
    expect(graph.consumers(graph.order[relu].output[0])).toHaveLength(2);
    expect(graph.consumers('unheard of')).toEqual([]);
    expect(graph.isConstant('stem.weight')).toBe(true);
    expect(graph.isConstant('input')).toBe(false);
    expect(graph.isOutput('fc_out')).toBe(true);
  });

  it('sorts nodes, keeping the order of a sorted file', () => {
    const model = tinyCnn();
    const names = model.graph!.node.map(({ name }) => name);
    expect(new Graph(model.graph!).order.map(({ name }) => name)).toEqual(names);
    model.graph!.node.reverse();
    const { order } = new Graph(model.graph!);
    const position = new Map(order.flatMap(({ output }, index) => output.map((name) => [name, index])));
    order.forEach(({ input }, index) => {
      for (const name of input) expect(position.get(name) ?? -1).toBeLessThan(index);
    });
  });

  it('refuses cycles and tensors with two producers', () => {
    expect(() => graphOf([node('Add', ['a', 'c'], ['b']), node('Relu', ['b'], ['c'])])).toThrow(
      /cycle through the tensor "(b|c)"/,
    );
    expect(() => graphOf([node('Relu', ['a'], ['a'])])).toThrow(/cycle/);
    expect(() => graphOf([node('Relu', ['a'], ['b']), node('Neg', ['a'], ['b'])])).toThrow(/two nodes.*"b"/);
    // An output that is left out is no tensor.
    expect(
      graphOf([node('Dropout', ['a'], ['b', '']), node('Dropout', ['b'], ['c', ''])]).order,
    ).toHaveLength(2);
  });

  it('names nodes that have no name, and tells apart those that share one', () => {
    const graph = graphOf([
      node('Relu', ['a'], ['b']),
      node('Relu', ['b'], ['c'], {}, { name: 'same' }),
      node('Relu', ['c'], ['d'], {}, { name: 'same' }),
      node('Relu', ['d'], ['e'], {}, { name: 'Relu_0' }),
    ]);
    expect(graph.nodeNames).toEqual(['Relu_0_2', 'same', 'same_2', 'Relu_0']);
  });

  it('counts what bodies read from outside as read by their node', () => {
    const none = [valueInfo('r', DataType.FLOAT, null)];
    const inner = graphBody('in', [node('Add', ['outer', 'own'], ['r'])], [], none, [scalar('own', 1)]);
    const outer = graphBody(
      'out',
      [node('Relu', ['r2'], ['own2']), node('If', ['own2'], ['r'], { then_branch: inner })],
      [valueInfo('r2', 1, [])],
      none,
    );
    const graph = graphOf([node('Loop', ['n'], ['y'], { body: outer }), node('Relu', ['x'], ['outer'])]);
    expect(graph.order.map(({ opType }) => opType)).toEqual(['Relu', 'Loop']);
    expect(graph.consumers('outer')).toEqual([1]);
    for (const own of ['own', 'own2', 'r', 'r2']) expect(graph.consumers(own)).toEqual([]);
  });

  it('gives values of Constant nodes in every form', () => {
    const graph = graphOf([
      node('Constant', [], ['t'], { value: scalar('', 3) }),
      node('Constant', [], ['f'], { value_float: float(1.5) }),
      node('Constant', [], ['fs'], { value_floats: floats([1, 2]) }),
      node('Constant', [], ['i'], { value_int: 7 }),
      node('Constant', [], ['is'], { value_ints: [7, 8] }),
      node('Constant', [], ['s'], { value_string: 'x' }),
    ]);
    const values = (name: string) => {
      const stored = graph.stored(name);
      return stored ? [stored.dims.length, ...(smallValues(stored) ?? [])] : undefined;
    };
    expect(['t', 'f', 'fs', 'i', 'is', 's'].map(values)).toEqual([
      [0, 3],
      [0, 1.5],
      [1, 1, 2],
      [0, 7],
      [1, 7, 8],
      undefined,
    ]);
    expect(graph.isConstant('s')).toBe(true);
  });

  it('takes for constant what follows from constants, but not random numbers', () => {
    const b = new ModelBuilder();
    const w = b.weight('w', [2, 2], 1);
    const sum = b.op('Add', [b.transpose(w, [1, 0]), w]);
    const noise = b.op('RandomNormalLike', [w]);
    const drawn = b.op('RandomNormal', [], { shape: [2, 2] });
    const graph = new Graph(b.output(sum).output(noise).output(drawn).build().graph!);
    expect([sum, noise, drawn].map((name) => graph.isConstant(name))).toEqual([true, false, false]);
  });

  it('of fifty thousand nodes in one chain does not overflow the stack', () => {
    const nodes = Array.from({ length: 50_000 }, (_, i) => node('Relu', [`t${i}`], [`t${i + 1}`]));
    expect(graphOf(nodes.reverse()).order[0].input).toEqual(['t0']);
  });
});

describe('attributes', () => {
  const made = node('Op', [], [], {
    i: 3,
    big: 1n << 40n,
    f: float(0.1),
    s: 'text',
    is: [1, -2],
    fs: floats([0.5]),
    none: [],
  });

  it('come back as they were given', () => {
    expect(intAttribute(made, 'i', 0)).toBe(3);
    expect(intAttribute(made, 'big', 0)).toBe(2 ** 40);
    expect(intAttribute(made, 'missing', 5)).toBe(5);
    expect(intsAttribute(made, 'is')).toEqual([1, -2]);
    expect(intsAttribute(made, 'none')).toEqual([]);
    expect(intsAttribute(made, 'missing')).toBeUndefined();
    expect(stringAttribute(made, 's', '')).toBe('text');
    expect(findAttribute(made, 'f')?.f).toBe(Math.fround(0.1));
    expect(findAttribute(made, 'fs')?.floats).toEqual([0.5]);
  });

  it('are whole numbers unless marked', () => {
    expect(() => attribute('alpha', 0.5)).toThrow(RangeError);
  });

  it('of a model tell its operator set under both spellings', () => {
    const model = create(ModelProtoSchema, {
      opsetImport: [
        { domain: 'com.microsoft', version: 1n },
        { domain: 'ai.onnx', version: 12n },
      ],
    });
    expect(opsetOf(model)).toBe(12);
    expect(opsetOf(create(ModelProtoSchema))).toBe(1);
  });
});

describe('new names', () => {
  it('avoid everything in the graph and its bodies', () => {
    const body = graphBody('b', [node('Relu', ['outer'], ['inner'], {}, { name: 'n' })], [], []);
    const names = Names.of(
      create(GraphProtoSchema, { node: [node('If', ['c'], ['y'], { then_branch: body })] }),
    );
    expect(['fresh', 'inner', 'inner', 'n', 'c', 'fresh'].map((name) => names.unique(name))).toEqual([
      'fresh',
      'inner_2',
      'inner_3',
      'n_2',
      'c_2',
      'fresh_2',
    ]);
    expect(names.unique('')).not.toBe('');
    expect(names.has('fresh_2')).toBe(true);
  });
});
