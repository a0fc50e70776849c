/** Outputs of every kind through contest, export and comparison, each with the right answer. */
import { dirname, join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Comparison, ContestReply, ExportReply } from '../../src/engine/protocol';
import { int64s, node, tensor } from '../../src/onnx/proto/build';
import { TensorProto_DataType as DataType, TensorProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { request, type Options } from './exporting';
import { save, startEngine, synthetic } from './harness';

interface Chained {
  contest: ContestReply;
  exported: ExportReply;
  against: Comparison;
  log: string[];
}

/** Allocations compared, the model exported and measured against the original. */
async function chain(b: ModelBuilder, options: Options = {}): Promise<Chained> {
  const model = save(b.build());
  const { engine, log } = startEngine();
  const asked = await request(model, { out: join(dirname(model), 'small.onnx'), ...options });
  const contest = await engine.request({
    kind: 'contest',
    model,
    granularity: 'layer',
    candidates: [asked.bits, asked.bits.map(() => 8)],
    rounding: 'nearest',
    data: asked.data,
    rounded: 8,
    search: null,
    memoryLimit: 0,
  });
  const exported = await engine.request(asked);
  const { against } = await engine.request({
    kind: 'evaluate',
    model,
    other: asked.out,
    data: asked.data,
    allSamples: false,
    perLayer: false,
  });
  return { contest, exported, against: against!, log };
}

function convs(b: ModelBuilder, batch: number | string, channels: number): string {
  const x = b.relu(b.conv(b.input('x', [batch, 3, 12, 12]), 16, { kernel: 3, name: 'first' }));
  return b.conv(b.relu(b.conv(x, 16, { kernel: 3, name: 'second' })), channels, { name: 'head' });
}

describe('outputs of every kind', () => {
  it('one-hot answers: a wrong one counts once, as that of the ArgMax does', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.relu(b.matmul(b.input('x', ['n', 12]), 24, { name: 'first' }));
    const label = b.op('ArgMax', [b.matmul(x, 10, { name: 'last' })], { axis: 1, keepdims: 0 });
    const marks = b.initializer('off_on', [2], Float32Array.of(0, 1));
    b.output(b.op('OneHot', [label, b.scalar('depth', 10), marks], {}, { output: 'answer' }), ['n', 10]);
    b.output(label, ['n'], DataType.INT64);
    const { against } = await chain(b, { width: 2, rounding: 'nearest', data: synthetic(64) });
    const [oneHot, plain] = against.outputs;
    expect(oneHot.kind).toBe('labels');
    expect(oneHot.agreement).toBe(plain.agreement);
    expect(plain.agreement!).toBeLessThan(0.9);
    expect(against.boxes).toBeNull();
  });

  it('rows of four numbers that a mask has picked are no boxes', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.relu(b.matmul(b.input('x', ['n', 12]), 24, { name: 'first' }));
    const y = b.op('Tanh', [b.matmul(x, 4, { name: 'last' })], {}, { output: 'y' });
    const most = b.op('ReduceMax', [y], { axes: [1], keepdims: 0 });
    const which = b.op('NonZero', [b.op('Greater', [most, b.scalar('half', 0.5)])]);
    b.output(b.op('GatherND', [y, b.op('Transpose', [which], { perm: [1, 0] })], {}, { output: 'rows' }));
    const { against } = await chain(b, { data: synthetic(32) });
    expect(against.outputs[0].kind).toBe('rows');
    expect(against.outputs[0].tensors).toContain('y');
    expect(against.boxes).toBeNull();
  });

  it('a mask of classes: equal pixels, and the scores before the ArgMax', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const mask = b.op('ArgMax', [convs(b, 'n', 6)], { axis: 1, keepdims: 0 }, { output: 'mask' });
    b.output(mask, ['n', 12, 12], DataType.INT64);
    const { against, contest } = await chain(b);
    const [output] = against.outputs;
    expect(output.kind).toBe('labels');
    // The share of equal pixels is that of equal arg maxes.
    expect(output.agreement).toBeCloseTo(against.agreement!, 9);
    expect(against.agreement!).toBeGreaterThan(0.8);
    expect(against.agreement!).toBeLessThan(1);
    expect(against.kl!).toBeGreaterThan(0);
    expect(contest.results[1]!.cost).toBeLessThan(contest.results[0]!.cost);
  });

  it('sorted scores with their classes: the classes count, in whatever order the scores come', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.relu(b.matmul(b.input('x', ['n', 12]), 24, { name: 'first' }));
    const p = b.op('Softmax', [b.matmul(x, 10, { name: 'last', gain: 4 })], { axis: 1 });
    const attributes = { axis: 1, sorted: 0 };
    b.graph.node.push(node('TopK', [p, b.int64s('k', [3])], ['best', 'which'], attributes));
    b.output('best').output('which', null, DataType.INT64);
    const { against } = await chain(b, { width: 2, rounding: 'nearest', data: synthetic(64) });
    // Two bits change answers, though the largest of three scores always comes first.
    expect(against.agreement!).toBeLessThan(0.9);
    expect(against.outputs.map(({ kind }) => kind)).toEqual(['rows', 'labels']);
  });

  it('boxes after suppression: those before it count, and matched ones are told', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const y = convs(b, 1, 7);
    const rows = b.op('Reshape', [b.transpose(y, [0, 2, 3, 1]), b.int64s('rows', [1, 144, 7])]);
    const part = (from: number, to: number): string =>
      b.op('Slice', [rows, b.int64s('from', [from]), b.int64s('to', [to]), b.int64s('axes', [2])]);
    const grid = Float32Array.from({ length: 4 * 144 }, (_, i) =>
      i % 4 < 2 ? 3 * ((i >> 2) % 12) + (i % 2) : 6,
    );
    const boxes = b.op('Add', [part(0, 4), b.initializer('grid', [1, 144, 4], grid)]);
    const scores = b.transpose(b.op('Sigmoid', [part(4, 7)]), [0, 2, 1]);
    const limits = [b.int64s('most', [20]), b.scalar('iou', 0.5), b.scalar('least', 0.5)];
    const kept = b.op('NonMaxSuppression', [boxes, scores, ...limits], { center_point_box: 1 });
    const which = b.op('Gather', [kept, b.int64s('two', [2])], { axis: 1 });
    b.output(
      b.op(
        'Gather',
        [b.op('Squeeze', [boxes, b.int64s('zero', [0])]), b.op('Squeeze', [which, b.int64s('one', [1])])],
        {},
        { output: 'det' },
      ),
      ['m', 4],
    );
    b.output(kept, ['m', 3], DataType.INT64);
    const { against, contest } = await chain(b, { width: 5 });
    expect(against.boxes!).toBeGreaterThan(0.7);
    expect(against.outputs[0]).toMatchObject({ name: 'det', kind: 'rows' });
    expect(against.outputs[0].sameRows).toBeLessThanOrEqual(1);
    // Coordinates are no scores of classes.
    expect(against.kl).toBeNull();
    expect(contest.results[1]!.cost).toBeLessThan(contest.results[0]!.cost);
  });

  it('a tail that takes one sample only, behind a batch that could be opened', async () => {
    const b = new ModelBuilder({ seed: 4 });
    b.output(b.op('Squeeze', [convs(b, 1, 1), b.int64s('axes', [0, 1])], {}, { output: 'map' }), [12, 12]);
    const { against, log } = await chain(b);
    expect(log.join('\n')).toContain('they are run one by one');
    expect(against.outputs).toMatchObject([{ name: 'map', kind: 'regression' }]);
    expect(against.sqnrDb).toBeGreaterThan(10);
  });

  it('an output that mixes the samples of a batch is run one by one', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const y = convs(b, 'n', 4);
    b.output(b.op('Sub', [y, b.op('ReduceMean', [y], { axes: [0], keepdims: 1 })], {}, { output: 'rest' }));
    const kept = b.op('Tanh', [y], {}, { output: 'kept' });
    const { log } = await chain(b.output(kept));
    expect(log.join('\n')).toContain('Several samples at once do not give what they give alone');
  });

  it('every output counts by its own power, in whatever order they come', async () => {
    const build = (order: readonly number[]): ModelBuilder => {
      const b = new ModelBuilder({ seed: 4 });
      const large = b.op('Mul', [convs(b, 'n', 4), b.scalar('thousand', 1000)], {}, { output: 'large' });
      const small = b.relu(b.conv(b.setChannels(large, 4), 4, { kernel: 3, name: 'deep', gain: 1e-6 }));
      [large, small].forEach((_, i, all) => b.output(all[order[i]], ['n', 4, 12, 12]));
      return b;
    };
    const [one, two] = [await chain(build([0, 1])), await chain(build([1, 0]))];
    expect(one.against.cost).toBeCloseTo(two.against.cost, 12);
    expect(one.contest.results[0]!.cost).toBeCloseTo(two.contest.results[0]!.cost, 9);
    const noise = one.against.outputs.map(({ sqnrDb }) => 10 ** (-sqnrDb! / 10));
    expect(one.against.cost).toBeCloseTo((noise[0] + noise[1]) / 2, 9);
  });

  it('names of classes, beside the scores they come from', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.relu(b.matmul(b.input('x', ['n', 12]), 24, { name: 'first' }));
    const p = b.op('Softmax', [b.matmul(x, 3, { name: 'last', gain: 3 })], { axis: 1 }, { output: 'p' });
    const stringData = ['cat', 'dog', 'owl'].map((name) => new TextEncoder().encode(name));
    const names = create(TensorProtoSchema, {
      name: 'names',
      dims: [3n],
      dataType: DataType.STRING,
      stringData,
    });
    const label = b.op('ArgMax', [p], { axis: 1, keepdims: 0 });
    b.output(b.op('Gather', [b.store(names), label], {}, { output: 'name' }), ['n'], DataType.STRING).output(
      p,
    );
    const { against } = await chain(b, { width: 3 });
    expect(against.outputs.map(({ kind }) => kind)).toEqual(['labels', 'classes']);
    expect(against.outputs[0].agreement).toBeCloseTo(against.agreement!, 9);
  });

  it('sequences: by what they are made of', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const y = b.op('Tanh', [convs(b, 'n', 4)], {}, { output: 'y' });
    const { against } = await chain(b.output(b.op('SequenceConstruct', [y, y], {}, { output: 'both' })));
    expect(against.outputs).toMatchObject([{ name: 'both', tensors: ['y'] }]);
    expect(against.sqnrDb).toBeGreaterThan(5);
  });

  it('bfloat16, which nobody can fetch: by the floats before it', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const y = b.op('Tanh', [convs(b, 'n', 4)], {}, { output: 'y' });
    const { BFLOAT16 } = DataType;
    b.output(b.op('Cast', [y], { to: BFLOAT16 }, { output: 'half' }), null, BFLOAT16);
    const { against } = await chain(b);
    expect(against.outputs).toMatchObject([{ name: 'half', kind: 'regression', tensors: ['y'] }]);
    expect(against.sqnrDb).toBeGreaterThan(5);
  });

  it('pictures of whole numbers, a constant and an input passed through', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const y = b.op('Mul', [b.op('Sigmoid', [convs(b, 'n', 3)]), b.scalar('most', 255)], {}, { output: 'y' });
    b.output(b.op('Cast', [y], { to: DataType.UINT8 }, { output: 'picture' }), null, DataType.UINT8);
    b.output(b.op('Identity', [b.store(int64s('version', [7]))], {}, { output: 'v' }), [1], DataType.INT64);
    b.output(b.op('Identity', ['x'], {}, { output: 'same' }));
    const { against } = await chain(b);
    expect(against.outputs.map(({ kind }) => kind)).toEqual(['labels', 'fixed', 'fixed']);
    expect(against.outputs[0].sqnrDb!).toBeGreaterThan(15);
    expect(against.agreement!).toBeLessThan(1);
  });

  it('numbers that choose no class: neither answers nor divergence', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const x = b.relu(b.matmul(b.input('x', ['n', 12]), 24, { name: 'first' }));
    b.output(b.matmul(x, 32, { name: 'last', gain: 0.3 }));
    const { against } = await chain(b);
    expect([against.kl, against.agreement]).toEqual([null, null]);
    expect(against.outputs[0].kind).toBe('regression');
  });
});

describe('random operators', () => {
  it.each(['RandomNormalLike', 'RandomUniformLike', 'Bernoulli', 'Dropout'])(
    '%s draws alike on both sides of a check, and as it likes in the file',
    async (op) => {
      const b = new ModelBuilder({ seed: 4 });
      const x = b.matmul(b.input('x', ['n', 16]), 16, { name: 'encoder' });
      const half = b.op('Sigmoid', [x]);
      const training = b.store(tensor('training', [], Uint8Array.of(1), DataType.BOOL));
      const drawn = b.op(op, op === 'Dropout' ? [half, b.scalar('ratio', 0.5), training] : [half]);
      const y = b.op('Tanh', [b.matmul(b.setChannels(b.add(x, drawn), 16), 8, { name: 'decoder' })]);
      const model = b.output(y);
      for (const rounding of ['nearest', 'reconstruct'] as const) {
        const { against } = await chain(model, { width: 6, rounding });
        // Draws of their own would be as far apart as there is signal.
        expect(against.sqnrDb).toBeGreaterThan(15);
      }
    },
  );
});

describe('lengths that the weights decide', () => {
  it('are never paired: the decoder is rounded on the quantized run alone, and it is said', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const h = b.matmul(b.input('x', [1, 16]), 16, { name: 'encoder', gain: 3 });
    const sum = b.op('Abs', [b.op('ReduceSum', [h], { keepdims: 0 })]);
    const frames = b.op('Add', [b.op('Cast', [sum], { to: DataType.INT64 }), b.store(int64s('least', [4]))]);
    const shape = b.op('Concat', [frames, b.int64s('one', [1])], { axis: 0 });
    const spread = b.setChannels(
      b.op('Mul', [b.op('ConstantOfShape', [shape], { value: tensor('v', [1], Float32Array.of(1)) }), h]),
      16,
    );
    b.output(b.op('Tanh', [b.matmul(spread, 8, { name: 'decoder' })], {}, { output: 'speech' }), ['t', 8]);
    const { against, log } = await chain(b, { width: 2 });
    expect(log.join('\n')).toContain('decoder: its sizes depend on the weights');
    expect(against.outputs).toMatchObject([{ name: 'speech', kind: 'rows' }]);
    expect(against.outputs[0].sameRows!).toBeLessThan(1);
    expect(against.sqnrDb).toBeGreaterThan(3);
  });
});

describe('an output that died', () => {
  it('is not handed over', async () => {
    const b = new ModelBuilder({ seed: 4 });
    const first = Float32Array.from({ length: 12 }, (_, i) => (i === 0 ? 0 : 1));
    const x = b.op('Mul', [b.input('x', ['n', 12]), b.initializer('mask', [12], first)]);
    // Beside the first input's, which is always zero, two bits leave nothing of the weights.
    const weights = Float32Array.from({ length: 12 * 32 }, (_, i) =>
      i < 32 ? 100 : 0.01 * b.random.normal(),
    );
    b.output(b.op('MatMul', [x, b.initializer('w', [12, 32], weights)], {}, { name: 'fc' }));
    const model = save(b.build());
    const { engine } = startEngine();
    const asked = await request(model, { width: 2, rounding: 'nearest' });
    await expect(engine.request(asked)).rejects.toThrow('is the same number throughout');
  });
});
