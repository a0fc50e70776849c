import { describe, expect, it } from 'vitest';
import { int64s, node, tensor, valueInfo } from '../../../../src/onnx/proto/build';
import { graphBody } from '../../../support/models/graphBody';
import { findNetwork } from '../../../../src/onnx/network/functions';
import {
  countsOf,
  planOutputs,
  type OutputChoice,
  type OutputPlan,
} from '../../../../src/onnx/network/outputs';
import { TensorProto_DataType as DataType } from '../../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../../../support/models/builder';

/** A network of one layer, with what `tail` makes of its numbers. */
function plan(
  tail: (b: ModelBuilder, scores: string) => void,
  choices: Record<string, OutputChoice> = {},
): OutputPlan {
  const b = new ModelBuilder();
  tail(b, b.matmul(b.input('x', ['n', 8]), 6, { name: 'fc' }));
  const model = b.build();
  return planOutputs(model, findNetwork(model), choices);
}

const kinds = ({ outputs }: OutputPlan): string[] => outputs.map(({ kind }) => kind);
const compared = (found: OutputPlan) =>
  found.compared.map(({ tensor, kind, axis, form }) => [tensor, kind, axis, form]);

describe('what an output is', () => {
  it('scores straight out of a layer, until its values say otherwise', () => {
    const found = plan((b, s) => b.output(s));
    expect(found.outputs[0]).toMatchObject({ kind: 'classes', isGuess: true });
    expect(found.compared[0]).toMatchObject({ kind: 'classes', axis: -1, form: null, by: 'guess' });
  });

  it('probabilities out of a Softmax, whatever lies behind it', () => {
    const found = plan((b, s) => {
      const p = b.op('Softmax', [s], { axis: -1 });
      b.output(b.op('Transpose', [p], { perm: [1, 0] }, { output: 'y' }));
    });
    expect(compared(found)).toEqual([['y', 'classes', 0, 'probabilities']]);
  });

  it('features after a norm, a sum of two layers, or by their name', () => {
    expect(kinds(plan((b, s) => b.output(b.layerNorm(b.setChannels(s, 6)))))).toEqual(['regression']);
    const sum = plan((b, s) => b.output(b.add(s, b.relu(s))));
    expect(kinds(sum)).toEqual(['regression']);
    expect(kinds(plan((b, s) => b.output(b.op('Identity', [s], {}, { output: 'text_embeds' }))))).toEqual([
      'regression',
    ]);
  });

  it('labels, compared by what an ArgMax takes them from, also through a table of names', () => {
    const found = plan((b, s) => {
      const label = b.op('ArgMax', [b.op('Identity', [s], {}, { output: 'scores' })], {
        axis: 1,
        keepdims: 0,
      });
      b.output(label, ['n'], DataType.INT64);
      const names = b.initializer('names', [6], Float32Array.from([1, 2, 3, 4, 5, 6]));
      b.output(b.op('Gather', [names, label], {}, { output: 'number' }));
    });
    expect(kinds(found)).toEqual(['labels', 'labels']);
    expect(compared(found)).toEqual([['scores', 'classes', 1, null]]);
  });

  it('sorted scores: the scores before the sorting count', () => {
    const found = plan((b, s) => {
      const p = b.op('Softmax', [s], { axis: 1 }, { output: 'p' });
      b.graph.node.push(node('TopK', [p, b.int64s('k', [3])], ['best', 'which'], { axis: 1 }));
      b.output('best').output('which', null, DataType.INT64);
    });
    expect(kinds(found)).toEqual(['rows', 'labels']);
    expect(compared(found)).toEqual([['p', 'classes', 1, 'probabilities']]);
    expect(found.outputs.every(({ isSized }) => !isSized)).toBe(true);
  });

  it('rows of which there are as many as the weights say', () => {
    const found = plan((b, s) => {
      const y = b.op('Tanh', [s], {}, { output: 'y' });
      const which = b.op('NonZero', [b.op('Greater', [y, b.scalar('zero', 0)])]);
      const rows = b.op(
        'GatherND',
        [y, b.op('Transpose', [which], { perm: [1, 0] })],
        {},
        { output: 'rows' },
      );
      b.output(rows, ['m']);
    });
    expect(found.outputs[0]).toMatchObject({ kind: 'rows', isSized: true, tensors: ['y'] });
    expect(compared(found)).toEqual([['y', 'regression', null, null]]);
  });

  it('choices written as floats: one-hot vectors, the mask of a threshold', () => {
    const tails: ((b: ModelBuilder, p: string) => string)[] = [
      (b, p) =>
        b.op('OneHot', [
          b.op('ArgMax', [p], { axis: 1, keepdims: 0 }),
          b.scalar('depth', 6),
          b.initializer('off_on', [2], Float32Array.of(0, 1)),
        ]),
      (b, p) => b.op('Hardmax', [p], { axis: 1 }),
      (b, p) => b.op('Cast', [b.op('Greater', [p, b.scalar('half', 0.5)])], { to: DataType.FLOAT }),
      (b, p) =>
        b.op('Where', [b.op('Less', [p, b.scalar('half', 0.5)]), b.scalar('no', 0), b.scalar('yes', 255)]),
    ];
    for (const tail of tails) {
      const found = plan((b, s) => b.output(tail(b, b.op('Softmax', [s], { axis: 1 }, { output: 'p' }))));
      expect(kinds(found)).toEqual(['labels']);
      expect(compared(found)).toEqual([['p', 'classes', 1, 'probabilities']]);
    }
  });

  it('a rectifier written with a threshold is a number like others', () => {
    const found = plan((b, s) => {
      const y = b.op('Tanh', [s], {}, { output: 'y' });
      const zero = b.scalar('zero', 0);
      b.output(b.op('Where', [b.op('Greater', [y, zero]), y, zero], {}, { output: 'rectified' }));
    });
    expect(compared(found)).toEqual([['rectified', 'regression', null, null]]);
  });

  it('boxes where a suppression or a TopK has picked the rows, not where a mask has', () => {
    const marks = (pick: (b: ModelBuilder, y: string) => string) =>
      plan((b, s) => b.output(pick(b, b.op('Tanh', [s], {}, { output: 'y' })))).outputs[0].isBoxes ?? false;
    const best = (b: ModelBuilder, y: string): string[] => {
      b.graph.node.push(
        node('TopK', [b.op('ReduceMax', [y], { axes: [1], keepdims: 0 }), b.int64s('k', [2])], ['v', 'i']),
      );
      return ['v', 'i'];
    };
    expect(marks((b, y) => b.op('Gather', [y, best(b, y)[1]]))).toBe(true);
    expect(marks((b, y) => best(b, y)[0])).toBe(false);
    const which = (b: ModelBuilder, y: string): string =>
      b.op('Transpose', [b.op('NonZero', [b.op('Greater', [y, b.scalar('zero', 0)])])], { perm: [1, 0] });
    expect(marks((b, y) => b.op('GatherND', [y, which(b, y)]))).toBe(false);
    const suppressed = (b: ModelBuilder, y: string): string => {
      const boxes = b.op('Unsqueeze', [y, b.int64s('axis', [0])]);
      return b.op('Gather', [y, b.op('NonMaxSuppression', [boxes, boxes])]);
    };
    expect(marks(suppressed)).toBe(true);
  });

  it('one number a sample, or more than its layer has columns, are no scores', () => {
    const last = (width: number, tail: (b: ModelBuilder, s: string) => string, output = 'y'): OutputPlan => {
      const b = new ModelBuilder();
      b.output(
        b.op('Identity', [tail(b, b.matmul(b.input('x', ['n', 8]), width, { name: 'fc' }))], {}, { output }),
      );
      const model = b.build();
      return planOutputs(model, findNetwork(model));
    };
    const flat = (b: ModelBuilder, s: string): string => b.op('Flatten', [s], { axis: 1 });
    expect(kinds(last(1, flat))).toEqual(['regression']);
    expect(last(3, flat).compared[0]).toMatchObject({ kind: 'classes', classes: 3, by: 'guess' });
    expect(last(2, (b, s) => b.op('Sigmoid', [s])).compared[0]).toMatchObject({ form: 'independent' });
    expect(kinds(last(5, flat, 'variable'))).toEqual(['regression']);
    expect(kinds(last(5, flat, 'action_logits'))).toEqual(['classes']);
    const halves = (b: ModelBuilder, s: string): string =>
      b.op('Slice', [s, b.int64s('from', [0]), b.int64s('to', [1]), b.int64s('on', [1])]);
    expect(kinds(last(2, halves, 'start_logits'))).toEqual(['classes']);
  });

  it('what another layer reads is no answer, and caches count as one together', () => {
    const b = new ModelBuilder();
    const key = b.matmul(b.input('x', ['n', 8]), 6, { name: 'key' });
    const value = b.matmul('x', 6, { name: 'value' });
    const hidden = b.setChannels(b.op('Mul', [b.op('Softmax', [key], { axis: 1 }), value]), 6);
    b.output(b.op('Identity', [b.matmul(hidden, 5, { name: 'head' })], {}, { output: 'answer' }));
    b.output(b.op('Reshape', [key, b.int64s('shape', [-1, 2, 3])], {}, { output: 'present.0.key' }));
    b.output(b.op('Identity', [value], {}, { output: 'present.0.value' }));
    b.output(b.op('Identity', [value], {}, { output: 'middle' }));
    const model = b.build();
    const found = planOutputs(model, findNetwork(model));
    expect(kinds(found)).toEqual(['classes', 'regression', 'regression', 'regression']);
    expect(countsOf(found)).toEqual([1, 0.5, 0.5, 1]);
  });

  it('the float numbers before an 8-bit picture', () => {
    const found = plan((b, s) => {
      const y = b.op('Relu', [s], {}, { output: 'y' });
      b.output(b.op('Cast', [y], { to: DataType.UINT8 }, { output: 'picture' }), null, DataType.UINT8);
    });
    expect(kinds(found)).toEqual(['labels']);
    expect(compared(found)).toEqual([['y', 'regression', null, null]]);
  });

  it('what no weight reaches: a constant, an input passed through, its shape', () => {
    const found = plan((b, s) => {
      b.output(b.op('Identity', [b.scalar('one', 1)]));
      b.output(b.op('Identity', ['x'])).output(b.op('Shape', [s]), null, DataType.INT64);
      b.output(s);
    });
    expect(kinds(found)).toEqual(['fixed', 'fixed', 'fixed', 'classes']);
    expect(found.compared).toHaveLength(1);
  });

  it('weights that others than layers read count where they lead', () => {
    const b = new ModelBuilder();
    const w = b.weight('w', [8, 6], 1);
    b.output(b.op('MatMul', [b.input('x', ['n', 8]), w], {}, { name: 'fc' }));
    b.output(w).output(
      b.op('ReduceSum', [b.op('Mul', [w, w], {}, { name: 'square' })], { keepdims: 0 }, { output: 'norm' }),
    );
    b.output(b.op('Shape', [w], {}, { output: 'size' }), null, DataType.INT64);
    const model = b.build();
    const network = findNetwork(model);
    expect(network.shared).toEqual([{ weight: 'w', readers: ['the output "w"', '"square" (Mul)'] }]);
    const found = planOutputs(model, network);
    expect(kinds(found)).toEqual(['classes', 'regression', 'regression', 'fixed']);
    expect(found.compared.map(({ tensor }) => tensor).slice(1)).toEqual(['w', 'norm']);
  });

  it('a layer behind a branch that the weights choose: what decides and what goes in, not its weights', () => {
    const found = plan((b, s) => {
      const y = b.op('Tanh', [s], {}, { output: 'y' });
      const large = b.op('Greater', [
        b.op('ReduceSum', [y], { keepdims: 0 }, { output: 'sum' }),
        b.scalar('zero', 0),
      ]);
      const branch = (op: string) =>
        graphBody(op, [node(op, ['y'], [`${op}_y`])], [], [valueInfo(`${op}_y`, DataType.FLOAT, null)]);
      b.graph.node.push(
        node('If', [large], ['either'], { then_branch: branch('Relu'), else_branch: branch('Neg') }),
      );
      b.output(b.matmul(b.setChannels('either', 6), 3, { name: 'last' }));
    });
    expect(found.compared.map(({ tensor }) => tensor).sort()).toEqual(['sum', 'y']);
  });

  it('a layer makes something comparable of a choice', () => {
    const b = new ModelBuilder();
    const s = b.matmul(b.input('x', ['n', 8]), 6, { name: 'fc' });
    const table = b.initializer('table', [6, 4], new Float32Array(24).fill(0.5));
    const embedded = b.op('Gather', [table, b.op('ArgMax', [s], { axis: 1, keepdims: 0 })]);
    b.output(b.relu(b.matmul(b.setChannels(embedded, 4), 3, { name: 'decoder' })));
    const model = b.build();
    const found = planOutputs(model, findNetwork(model));
    expect(found.outputs[0]).toMatchObject({ kind: 'regression', tensors: [found.outputs[0].name] });
  });

  it('no tensor at all: what a sequence is made of', () => {
    const found = plan((b, s) => {
      const y = b.op('Tanh', [s], {}, { output: 'y' });
      b.output(b.op('SequenceConstruct', [y, y], {}, { output: 'both' }));
    });
    expect(found.fetchable).toEqual([]);
    expect(found.outputs[0]).toMatchObject({ kind: 'regression', tensors: ['y'] });
  });

  it('rows of a Loop that ends when the weights say so, not of one with a given count', () => {
    const loop = (condition: string) => (b: ModelBuilder, s: string) => {
      const trip = b.int64s('trip', []);
      const body = graphBody(
        'body',
        [
          node('Add', ['state', 'state'], ['next']),
          node('ReduceMax', ['next'], ['most'], { keepdims: 0 }),
          node('Less', ['most', 'limit'], ['going']),
          node('Identity', ['going_in'], ['given']),
          node('Identity', ['next'], ['row']),
        ],
        ['i', 'going_in', 'state'].map((name, i) =>
          valueInfo(name, [DataType.INT64, DataType.BOOL, DataType.FLOAT][i], null),
        ),
        [condition, 'next', 'row'].map((name) =>
          valueInfo(name, name === condition ? DataType.BOOL : DataType.FLOAT, null),
        ),
      );
      b.store(tensor('limit', [], Float32Array.of(9)));
      b.store(int64s('count', [4]));
      b.graph.node.push(node('Loop', [trip, '', s], ['last', 'rows'], { body }));
      b.output('last').output('rows');
    };
    expect(kinds(plan(loop('going')))).toEqual(['rows', 'rows']);
    expect(kinds(plan(loop('given')))).toEqual(['regression', 'regression']);
  });
});

describe('what the user says', () => {
  it('goes before what the file says', () => {
    const tail = (b: ModelBuilder, s: string) => b.output(b.op('Identity', [s], {}, { output: 'y' }));
    expect(plan(tail, { y: 'regression' }).compared[0]).toMatchObject({ kind: 'regression', by: 'user' });
    expect(plan(tail, { y: 'classes' }).compared[0]).toMatchObject({ kind: 'classes', by: 'user' });
    expect(plan(tail, { y: 'ignore' }).compared).toEqual([]);
    expect(() => plan(tail, { z: 'ignore' })).toThrow('The model has no output "z"; its outputs are "y".');
  });
});
