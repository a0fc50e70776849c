import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../../src/calibration/open';
import { fromFloat16Bits } from '../../../../src/onnx/proto/float16';
import {
  BOOL,
  dataSpec,
  failure,
  FLOAT16,
  input,
  INT32,
  INT64,
  npy,
  put,
  STRING,
  temporaryFolder,
  UINT8,
  list,
  numbers,
} from '../files';
import { numpyFile, type NumpyFile } from './numpyFiles';

const folder = await temporaryFolder();
const quarters = Array.from({ length: 12 }, (_, i) => i / 4);
const shifted = Array.from({ length: 12 }, (_, i) => i - 6);
const x = input('x', ['N', 2, 2]);
const inOrder = { order: 'all' } as const;

const open = async (file: NumpyFile, model = x) =>
  openDataset(dataSpec(await put(join(folder, `${file}.npy`), numpyFile(file))), [model], inOrder);

async function valuesOf(file: NumpyFile, model = x): Promise<(number | bigint)[]> {
  return list((await (await open(file, model)).read(0, 3)).x.data);
}

describe('.npy as NumPy writes it', () => {
  it.each<NumpyFile>(['f4', 'f8big', 'f2', 'f2big', 'fortran', 'version2', 'version3'])(
    '%s to float',
    async (file) => {
      expect(await valuesOf(file)).toEqual(quarters);
    },
  );

  it.each<NumpyFile>(['i8big', 'i2', 'fortranBig'])('%s to int64', async (file) => {
    expect(await valuesOf(file, input('x', ['N', 2, 2], INT64))).toEqual(shifted.map(BigInt));
  });

  it('bytes, wide unsigned integers and booleans', async () => {
    const upTo = (from: number) => Array.from({ length: 12 }, (_, i) => from + i);
    expect(await valuesOf('u1', input('x', ['N', 2, 2], UINT8))).toEqual(upTo(0));
    expect(await valuesOf('u8', input('x', ['N', 2, 2], INT32))).toEqual(upTo(0));
    expect(await valuesOf('u4', input('x', ['N', 2, 2], INT64))).toEqual(upTo(3e9).map(BigInt));
    expect(await valuesOf('bool', input('x', ['N', 2, 2], BOOL))).toEqual(upTo(0).map((i) => 1 - (i % 2)));
  });

  it('float16 models get float16', async () => {
    const tensor = (await (await open('f8big', input('x', ['N', 2, 2], FLOAT16))).read(1, 2)).x;
    expect(tensor.type).toBe('float16');
    expect(tensor.dims).toEqual([2, 2, 2]);
    expect(numbers(tensor.data).map(fromFloat16Bits)).toEqual(quarters.slice(4));
  });

  it('warns that bytes are not normalized for a float model', async () => {
    expect((await open('u1')).warnings.join()).toMatch(/u1\.npy holds bytes that are fed as they are/);
  });

  it.each<[NumpyFile, RegExp]>([
    ['objects', /objects\.npy holds pickled Python objects.*store it as a plain array/],
    ['text', /NumPy type <U2, which no input takes/],
    ['complex', /NumPy type <c8, which no input takes/],
    ['records', /structured array/],
    ['scalar', /has shape a single number, but the model's input "x" wants Nx2x2/],
  ])('refuses %s', async (file, message) => {
    const error = await failure(open(file));
    expect(error.name).toBe('DataError');
    expect(error.message).toMatch(message);
  });

  it('refuses values that the model cannot represent', async () => {
    const half = await open('f4', input('x', ['N', 2, 2], INT64));
    expect((await failure(half.read(0, 3))).message).toMatch(
      /f4\.npy holds 0\.25, which .* int64 cannot represent/,
    );
    const negative = await open('i2', input('x', ['N', 2, 2], UINT8));
    expect((await failure(negative.read(0, 1))).message).toMatch(/holds -6, which .* uint8/);
    const large = await open('u4', input('x', ['N', 2, 2], FLOAT16));
    expect((await failure(large.read(0, 1))).message).toMatch(/holds 3000000000, which .* float16/);
  });
});

describe('what the model wants', () => {
  it("names the array, its shape and the model's", async () => {
    const error = await failure(open('f4', input('x', ['N', 3, 'H', 'W'])));
    expect(error.message).toBe(
      'f4.npy has shape 3x2x2, but the model\'s input "x" wants Nx3xHxW, N samples first; reshape it.',
    );
  });

  it('tells how to transpose channels-last arrays', async () => {
    const path = await put(join(folder, 'last.npy'), npy('<f4', [2, 8, 8, 3], new Float32Array(384)));
    const error = await failure(openDataset(dataSpec(path), [input('x', ['N', 3, 8, 8])]));
    expect(error.message).toContain('numpy.transpose(x, (0, 3, 1, 2))');
  });

  it('takes open sizes from the data, and refuses those that the user contradicts', async () => {
    const path = await put(join(folder, 'open.npy'), npy('<f4', [2, 3, 5, 7], new Float32Array(210)));
    const model = input('x', ['N', 3, 'H', 'W']);
    expect((await openDataset(dataSpec(path), [model])).shapes).toEqual({ x: [1, 3, 5, 7] });
    const error = await failure(openDataset(dataSpec(path, { shapes: { x: [1, 3, 8, 8] } }), [model]));
    expect(error.message).toMatch(/wants Nx3x8x8/);
  });

  it('one array does not do for two inputs', async () => {
    const path = await put(join(folder, 'one.npy'), numpyFile('f4'));
    const error = await failure(openDataset(dataSpec(path), [x, input('mask', ['N', 2])]));
    expect(error.message).toMatch(/model has 2 inputs \(x, mask\); give a \.npz/);
  });

  it('says which type cannot be fed', async () => {
    expect((await failure(open('f4', input('x', ['N', 2, 2], STRING)))).message).toMatch(
      /type string, which cannot be fed/,
    );
  });

  it('a model with a fixed batch still gets samples without one', async () => {
    const data = await open('f4', input('x', [1, 2, 2]));
    expect(data.size).toBe(3);
    expect((await data.read(0, 3)).x.dims).toEqual([3, 2, 2]);
  });
});

describe('.npz', () => {
  it.each<NumpyFile>(['npz', 'npzCompressed'])('%s with labels', async (file) => {
    const path = await put(join(folder, `${file}.npz`), numpyFile(file));
    const all = await openDataset(dataSpec(path), [x], inOrder);
    expect(list((await all.read(0, 3)).x.data)).toEqual(quarters);
    expect(Array.from(all.labels!)).toEqual([2, 0, 1]);
    const some = await openDataset(dataSpec(path, { samples: 2, seed: 4 }), [x]);
    expect(some.description).toBe(`2 of 3 samples in ${file}.npz`);
    for (let i = 0; i < 2; i++) {
      const row = (await some.read(i, 1)).x.data;
      const index = Number(row[0]);
      expect(some.labels![i]).toBe([2, 0, 1][index]);
      expect(list(row)).toEqual(quarters.slice(index * 4, index * 4 + 4));
    }
  });

  it.each([
    ['as samples', [3, 2, 2]],
    ['as they are fed, a batch of one each', [3, 2, 1, 2]],
  ])('two inputs, one of them on axis 1 (%s), and a value that all samples share', async (_, dims) => {
    const state = Float32Array.from({ length: 12 }, (_, i) => i);
    const path = await put(
      join(folder, 'silero.npz'),
      zipSync({
        'input.npy': npy('<f4', [3, 4], new Float32Array(12)),
        'state.npy': npy('<f4', dims, state),
        'sr.npy': npy('<i8', [3], new BigInt64Array(3).fill(16000n)),
      }),
    );
    const model = [input('input', ['', '']), input('state', [2, '', 2]), input('sr', [], INT64)];
    const data = await openDataset(dataSpec(path), model, inOrder);
    expect(data.batchAxes).toEqual({ input: 0, state: 1, sr: null });
    const block = await data.read(0, 2);
    expect(block.input.dims).toEqual([2, 4]);
    expect(block.state.dims).toEqual([2, 2, 2]);
    // Sample 0 is [[0, 1], [2, 3]], sample 1 [[4, 5], [6, 7]]; layers come first in the tensor.
    expect(list(block.state.data)).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
    expect(block.sr).toEqual({ type: 'int64', dims: [], data: BigInt64Array.of(16000n) });
  });

  it('need not hold an input that is given one value', async () => {
    const files = { 'x.npy': npy('<f4', [3, 2], new Float32Array(6)) };
    const path = await put(join(folder, 'value.npz'), zipSync(files));
    const model = [input('x', ['N', 2]), input('sr', [], INT64), input('gain', ['N', 1])];
    const data = await openDataset(dataSpec(path, { values: { sr: 8000, gain: 0.5 } }), model, inOrder);
    const block = await data.read(1, 2);
    expect(block.sr).toEqual({ type: 'int64', dims: [], data: BigInt64Array.of(8000n) });
    expect(block.gain).toEqual({ type: 'float32', dims: [2, 1], data: Float32Array.of(0.5, 0.5) });
    expect(data.shapes).toEqual({ x: [1, 2], sr: [], gain: [1, 1] });
    const error = await failure(openDataset(dataSpec(path, { values: { gain: 1 } }), model, inOrder));
    expect(error.message).toMatch(/"sr".*or give the input one value with --value sr=NUMBER\.$/);
  });

  it('reads compressed arrays front to back in blocks, and again from the start', async () => {
    const values = Float32Array.from({ length: 50_000 }, (_, i) => i % 997);
    const path = await put(join(folder, 'stream.npz'), zipSync({ 'x.npy': npy('<f4', [500, 100], values) }));
    const data = await openDataset(dataSpec(path), [input('x', ['N', 100])], inOrder);
    for (const start of [0, 64, 128, 400, 64]) {
      expect((await data.read(start, 64)).x.data).toEqual(values.slice(start * 100, (start + 64) * 100));
    }
    await data.close();
    await data.close();
  });

  it('says which array is missing and what there is', async () => {
    const path = await put(
      join(folder, 'names.npz'),
      zipSync({ 'a.npy': numpyFile('f4'), 'b.npy': numpyFile('f4') }),
    );
    const error = await failure(openDataset(dataSpec(path), [x]));
    expect(error.message).toMatch(/names\.npz has no array for the model's input "x" \(it holds a, b\)/);
  });

  it('arrays that disagree on the number of samples', async () => {
    const files = { 'x.npy': numpyFile('f4'), 'm.npy': npy('<f4', [2, 2], new Float32Array(4)) };
    const path = await put(join(folder, 'disagree.npz'), zipSync(files));
    const error = await failure(openDataset(dataSpec(path), [x, input('m', ['N', 2])]));
    expect(error.message).toMatch(/"x" and "m" have 3 and 2 samples/);
  });

  it('labels of the wrong length', async () => {
    const files = { 'x.npy': numpyFile('f4'), 'labels.npy': npy('<i8', [2], new BigInt64Array(2)) };
    const path = await put(join(folder, 'labels.npz'), zipSync(files));
    expect((await failure(openDataset(dataSpec(path), [x]))).message).toMatch(
      /"labels" .* each of the 3 samples/,
    );
  });

  it('labels that are no whole numbers', async () => {
    const files = { 'x.npy': numpyFile('f4'), 'labels.npy': npy('<f4', [3], Float32Array.of(1, 2.5, 0)) };
    const path = await put(join(folder, 'fractions.npz'), zipSync(files));
    expect((await failure(openDataset(dataSpec(path), [x]))).message).toMatch(
      /"labels" .* holds 2\.5; class numbers are whole\./,
    );
  });

  it('a shared value that differs', async () => {
    const files = { 'x.npy': numpyFile('f4'), 'sr.npy': npy('<i8', [3], BigInt64Array.of(1n, 1n, 2n)) };
    const path = await put(join(folder, 'shared.npz'), zipSync(files));
    const error = await failure(openDataset(dataSpec(path), [x, input('sr', [], INT64)]));
    expect(error.message).toMatch(/differs between samples, but the model's input "sr" has one value/);
  });
});

describe('choosing', () => {
  const rows = Float32Array.from({ length: 200 }, (_, i) => i);
  const many = () => put(join(folder, 'many.npy'), npy('<f4', [200, 1], rows));
  const model = [input('x', ['N', 1])];

  it('the same seed gives the same samples, another seed others', async () => {
    const path = await many();
    const choice = async (seed: number) =>
      list((await (await openDataset(dataSpec(path, { seed }), model)).read(0, 64)).x.data);
    const first = await choice(7);
    expect(await choice(7)).toEqual(first);
    expect(await choice(8)).not.toEqual(first);
    expect(new Set(first).size).toBe(64);
  });

  it('infinitely many means all, in order', async () => {
    const data = await openDataset(dataSpec(await many(), { samples: Infinity }), model);
    expect([data.size, data.warnings]).toEqual([200, []]);
    expect((await data.read(0, 200)).x.data).toEqual(rows);
  });

  it('warns where there are fewer than asked for, and takes all', async () => {
    const data = await openDataset(dataSpec(await many(), { samples: 1000 }), model);
    expect(data.size).toBe(200);
    expect(data.warnings.join()).toMatch(/Only 200 of the 1000 samples/);
  });

  it('a file that shrinks or vanishes after opening is an error that names it', async () => {
    const path = await put(join(folder, 'shrinks.npy'), npy('<f4', [200, 1], rows));
    const data = await openDataset(dataSpec(path), model);
    await writeFile(path, 'short');
    expect((await failure(data.read(0, 64))).message).toMatch(/shrinks\.npy ends before its data does/);
  });

  it('cancelling stops opening and reading', async () => {
    const path = await many();
    expect((await failure(openDataset(dataSpec(path), model, { signal: AbortSignal.abort() }))).name).toBe(
      'AbortError',
    );
    const cancel = new AbortController();
    const data = await openDataset(dataSpec(path), model, { signal: cancel.signal });
    cancel.abort();
    expect((await failure(data.read(0, 1))).name).toBe('AbortError');
  });

  it('refuses an empty array, a missing file and foreign files', async () => {
    const empty = await put(join(folder, 'empty.npy'), npy('<f4', [0, 1], new Float32Array(0)));
    expect((await failure(openDataset(dataSpec(empty), model))).message).toMatch(
      /empty\.npy holds no samples/,
    );
    const missing = join(folder, 'missing.npy');
    expect((await failure(openDataset(dataSpec(missing), model))).message).toMatch(
      /missing\.npy: it does not exist/,
    );
    const foreign = await put(join(folder, 'data.pkl'), 'x');
    expect((await failure(openDataset(dataSpec(foreign), model))).message).toMatch(
      /data\.pkl is no data that can be read/,
    );
  });
});
