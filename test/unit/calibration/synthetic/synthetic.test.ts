import { describe, expect, it } from 'vitest';
import { describeInputs, openDataset, type OpenOptions } from '../../../../src/calibration/open';
import { missingSizes } from '../../../../src/calibration/inputs/openSizes';
import type { GraphInput } from '../../../../src/onnx/network/network';
import { BOOL, dataSpec, failure, input, INT32, INT64, UINT8, list } from '../files';

const open = (inputs: GraphInput[], changes = {}, options: OpenOptions = {}) =>
  openDataset(dataSpec(null, changes), inputs, options);
const statistics = (data: ArrayLike<number>) => {
  const values = Array.from(data);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) };
};

describe('synthetic input', () => {
  it('is flagged, seeded, and the same whatever block is read', async () => {
    const model = [input('x', ['N', 3, 16, 16])];
    const data = await open(model, { seed: 5 });
    expect(data).toMatchObject({
      synthetic: true,
      size: 64,
      labels: null,
      description: 'synthetic input (seed 5)',
    });
    const block = (await data.read(2, 3)).x;
    expect(block.dims).toEqual([3, 3, 16, 16]);
    expect((await data.read(3, 1)).x.data).toEqual(block.data.slice(768, 1536));
    expect((await (await open(model, { seed: 5 })).read(2, 3)).x.data).toEqual(block.data);
    expect((await (await open(model, { seed: 6 })).read(2, 3)).x.data).not.toEqual(block.data);
  });

  it('feeds a given value, and says which number it took where none is given', async () => {
    const model = [input('input', ['N', '']), input('sr', [], INT64), input('mode', [], INT32)];
    const made = await open(model);
    expect(made.warnings.slice(1)).toEqual([
      'Input "sr" is a single number, and there is no data to tell which: 16000 was taken. Give another with --value sr=NUMBER.',
      'Input "mode" is a single number, and there is no data to tell which: it was made up. Give another with --value mode=NUMBER.',
    ]);
    expect(made.shapes.input).toEqual([1, 512]);
    const given = await open(model, { values: { sr: 8000, mode: 2 } });
    expect(given.warnings).toHaveLength(1);
    // 32 ms, as at the other rate.
    expect(given.shapes.input).toEqual([1, 256]);
    const block = await given.read(3, 2);
    expect(block.sr).toEqual({ type: 'int64', dims: [], data: BigInt64Array.of(8000n) });
    expect(block.mode).toEqual({ type: 'int32', dims: [], data: Int32Array.of(2) });
  });

  it.each([
    [{ sr: 0.5 }, 'Input "sr" is of type int64 and cannot have the value 0.5.'],
    [{ rate: 1 }, 'The model has no input "rate" to give a value to; its inputs are: x, sr.'],
  ])('refuses the value %j', async (values, message) => {
    const error = await failure(open([input('x', ['N', 2]), input('sr', [], INT64)], { values }));
    expect(error.message).toBe(message);
  });

  it('pictures have the statistics of photographs', async () => {
    const imagenet = await open([input('x', ['N', 3, 64, 64])], { preprocessing: { preset: 'imagenet' } });
    const { data } = (await imagenet.read(0, 64)).x;
    const { mean, deviation } = statistics(data as Float32Array);
    expect(Math.abs(mean)).toBeLessThan(0.2);
    expect(deviation).toBeGreaterThan(0.8);
    expect(deviation).toBeLessThan(1.3);
    // Neighbours and channels go together, as in photographs and unlike in white noise.
    let products = [0, 0];
    const area = 64 * 64;
    for (let n = 0; n < 64; n++) {
      for (let i = 0; i < area - 1; i++) {
        const at = n * 3 * area + i;
        const value = Number(data[at]) - mean;
        products = [
          products[0] + value * (Number(data[at + 1]) - mean),
          products[1] + value * (Number(data[at + area]) - mean),
        ];
      }
    }
    for (const product of products) expect(product / (64 * area) / deviation ** 2).toBeGreaterThan(0.7);
    const bytes = (await (await open([input('x', ['N', 16, 16, 3], UINT8)])).read(0, 8)).x;
    expect(bytes.type).toBe('uint8');
    expect(statistics(bytes.data as Uint8Array).deviation).toBeGreaterThan(20);
  });

  it('a text model gets ids, masks, types and positions of one length', async () => {
    const text = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].map((name) =>
      input(name, ['batch', 'sequence'], INT64),
    );
    const data = await open(text);
    expect(data.warnings[0]).toMatch(/--shape input_ids=1x128\.$/);
    const block = await data.read(0, 4);
    for (const { dims } of Object.values(block)) expect(dims).toEqual([4, 128]);
    const ids = Array.from(block.input_ids.data, Number);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...ids)).toBeLessThan(1000);
    expect(new Set(ids).size).toBeGreaterThan(100);
    expect(new Set(list(block.attention_mask.data))).toEqual(new Set([1n]));
    expect(new Set(list(block.token_type_ids.data))).toEqual(new Set([0n]));
    expect(block.position_ids.data.slice(0, 3)).toEqual(BigInt64Array.of(0n, 1n, 2n));
    const limited = text.map((each) => ({ ...each, vocabulary: each.name === 'position_ids' ? 3 : 10 }));
    const small = await open(limited, { shapes: { input_ids: [1, 16] } });
    expect(small.warnings).toEqual([]);
    expect(small.shapes.attention_mask).toEqual([1, 16]);
    const read = await small.read(0, 8);
    expect(Math.max(...Array.from(read.input_ids.data, Number))).toBe(9);
    expect(Math.max(...Array.from(read.position_ids.data, Number))).toBe(2);
  });

  it('a voice detector gets a chunk, a zero state and its sample rate', async () => {
    const data = await open([
      input('input', ['batch', 'sequence']),
      input('sr', [], INT64),
      input('h', [2, 'batch', 64]),
      input('c', [2, 'batch', 64]),
    ]);
    expect(data.batchAxes).toEqual({ input: 0, sr: null, h: 1, c: 1 });
    const block = await data.read(0, 4);
    expect(block.input.dims).toEqual([4, 512]);
    expect(statistics(block.input.data as Float32Array).deviation).toBeCloseTo(1, 1);
    expect(block.h.dims).toEqual([2, 4, 64]);
    expect(new Set(list(block.h.data))).toEqual(new Set([0]));
    expect(block.sr).toEqual({ type: 'int64', dims: [], data: BigInt64Array.of(16000n) });
  });

  it('a decoder gets no past, and a mask as long as past and present', async () => {
    const data = await open([
      input('input_ids', ['batch', 'sequence_length'], INT64),
      input('attention_mask', ['batch', 'past_sequence_length + sequence_length'], INT64),
      input('past_key_values.0.key', ['batch', 2, 'past_sequence_length', 8]),
      input('use_cache_branch', [1], BOOL),
    ]);
    expect(data.shapes).toEqual({
      input_ids: [1, 128],
      attention_mask: [1, 128],
      'past_key_values.0.key': [1, 2, 0, 8],
      use_cache_branch: [1],
    });
    const block = await data.read(0, 2);
    expect(block['past_key_values.0.key'].data).toHaveLength(0);
    expect(list(block.use_cache_branch.data)).toEqual([0]);
  });

  it('other inputs: lengths, flags per sample, features', async () => {
    const data = await open([
      input('feats', ['N', 'T', 80]),
      input('lengths', ['N'], INT32),
      input('flags', ['N', 40], BOOL),
    ]);
    const block = await data.read(0, 2);
    expect(block.feats.dims).toEqual([2, 128, 80]);
    expect(list(block.lengths.data)).toEqual([128, 128]);
    expect(new Set(list(block.flags.data))).toEqual(new Set([0, 1]));
  });

  it('needs at least one sample and an input', async () => {
    expect((await failure(open([input('x', ['N', 4])], { samples: 0 }))).message).toMatch(
      /ask for at least one/,
    );
    expect((await failure(open([]))).message).toMatch(/no inputs/);
  });
});

describe('open sizes', () => {
  it('are listed with a suggestion until the user settles them', () => {
    const detector = input('x', ['', 3, 'H', -1]);
    expect(missingSizes([detector], {})).toEqual([
      {
        ...detector,
        open: [
          { axis: 2, name: 'H' },
          { axis: 3, name: '' },
        ],
        suggestion: [1, 3, 224, 224],
      },
    ]);
    expect(missingSizes([detector], { x: [1, 3, 320, 320] })).toEqual([]);
    expect(missingSizes([input('x', ['N', 3, 8, 8])], {})).toEqual([]);
    expect(missingSizes([input('wave', ['N', 'T'])], {})[0].suggestion).toEqual([1, 16000]);
    expect(missingSizes([input('all', ['a', 'b', 'c', 'd'])], {})[0].suggestion).toEqual([1, 3, 224, 224]);
  });

  it.each([
    [{ y: [1] }, /no input "y" to give a shape to; its inputs are: x/],
    [{ x: [1, 3] }, /1x3 given for input "x" has 2 sizes where the model has 4: Nx3xHxW/],
    [{ x: [1, 4, 8, 8] }, /contradicts the model, which has Nx3xHxW/],
    [{ x: [1, 3, 8.5, 8] }, /not a whole number/],
  ] as [Record<string, number[]>, RegExp][])('refuses %o', (shapes, message) => {
    expect(() => missingSizes([input('x', ['N', 3, 'H', 'W'])], shapes)).toThrow(message);
  });

  it('inputs are described for people', () => {
    expect(describeInputs([input('x', ['N', 3, '', 8]), input('sr', [], INT64)])).toEqual([
      'x: float32, N x 3 x ? x 8',
      'sr: int64, a single number',
    ]);
  });
});
