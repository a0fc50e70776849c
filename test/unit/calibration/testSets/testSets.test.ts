import { create, toBinary } from '@bufbuild/protobuf';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../../src/calibration/open';
import { TensorProtoSchema } from '../../../../src/onnx/proto/onnx_pb';
import {
  dataSpec,
  failure,
  FLOAT,
  FLOAT16,
  input,
  INT64,
  put,
  STRING,
  temporaryFolder,
  list,
  numbers,
} from '../files';

const root = await temporaryFolder();
let models = 0;

const floats = (name: string, dims: number[], values: number[]) =>
  toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: FLOAT, floatData: values }),
  );
const rawLongs = (name: string, dims: number[], values: bigint[]) =>
  toBinary(
    TensorProtoSchema,
    create(TensorProtoSchema, {
      name,
      dims: dims.map(BigInt),
      dataType: INT64,
      rawData: new Uint8Array(BigInt64Array.from(values).buffer),
    }),
  );

/** A folder of sets, each a list of the bytes of input_0.pb, input_1.pb ... */
async function folderOf(...sets: Uint8Array[][]): Promise<string> {
  const folder = join(root, `model${models++}`);
  for (const [i, files] of sets.entries()) {
    for (const [j, bytes] of files.entries())
      await put(join(folder, `test_data_set_${i}`, `input_${j}.pb`), bytes);
  }
  return folder;
}

const x = input('x', [1, 2]);

describe('ONNX test sets', () => {
  it('one sample per set, sets in the order of their numbers', async () => {
    const folder = await folderOf(...Array.from({ length: 11 }, (_, i) => [floats('x', [1, 2], [i, -i])]));
    const data = await openDataset(dataSpec(folder), [x], { order: 'all' });
    expect(data.size).toBe(11);
    expect(data.description).toMatch(/^11 samples in 11 ONNX test sets in model/);
    expect(list((await data.read(9, 2)).x.data)).toEqual([9, -9, 10, -10]);
  });

  it('a set given directly, batches, tensors told apart by name, raw and typed data', async () => {
    const folder = await folderOf([
      rawLongs('ids', [2, 3], [1n, 2n, 3n, 4n, 5n, 6n]),
      floats('state', [2, 2, 1], [0, 1, 2, 3]),
    ]);
    const model = [input('state', [2, 'N', 1]), input('ids', ['N', 'T'], INT64)];
    const data = await openDataset(dataSpec(join(folder, 'test_data_set_0')), model, { order: 'all' });
    expect(data.size).toBe(2);
    expect(data.shapes).toEqual({ state: [2, 1, 1], ids: [1, 3] });
    const second = await data.read(1, 1);
    expect(list(second.ids.data)).toEqual([4n, 5n, 6n]);
    expect(list(second.state.data)).toEqual([1, 3]);
    expect(list((await data.read(0, 2)).state.data)).toEqual([0, 1, 2, 3]);
  });

  it('float16 kept in int32_data', async () => {
    const tensor = create(TensorProtoSchema, {
      dims: [1n, 2n],
      dataType: FLOAT16,
      int32Data: [0x3c00, 0xc000],
    });
    const data = await openDataset(dataSpec(await folderOf([toBinary(TensorProtoSchema, tensor)])), [x]);
    expect(list((await data.read(0, 1)).x.data)).toEqual([1, -2]);
  });

  it.each<[string, Uint8Array[][], RegExp]>([
    [
      'another shape',
      [[floats('x', [1, 3], [1, 2, 3])]],
      /input_0\.pb has shape 1x3, but .* "x" wants 1x2; it belongs/,
    ],
    [
      'too few values',
      [[floats('x', [1, 2], [1])]],
      /damaged: it holds 1 elements of float32 where its shape calls for 2/,
    ],
    ['a lying shape', [[floats('x', [1e15, 2], [1])]], /input_0\.pb is damaged/],
    ['garbage', [[Uint8Array.of(255, 255, 255, 1, 2, 3)]], /input_0\.pb is damaged or no ONNX tensor/],
    [
      'too many inputs',
      [[floats('x', [1, 2], [1, 2]), floats('y', [1], [1])]],
      /has 2 files input_\*\.pb, but the model has 1/,
    ],
    [
      'text',
      [[toBinary(TensorProtoSchema, create(TensorProtoSchema, { dims: [1n, 2n], dataType: STRING }))]],
      /type string, which cannot be fed/,
    ],
    [
      'data elsewhere',
      [
        [
          toBinary(
            TensorProtoSchema,
            create(TensorProtoSchema, {
              dims: [1n, 2n],
              dataType: FLOAT,
              dataLocation: 1,
              externalData: [{ key: 'location', value: '/etc/passwd' }],
            }),
          ),
        ],
      ],
      /keeps its data in another file, which is not followed/,
    ],
  ])('refuses %s', async (_, sets, message) => {
    const error = await failure(openDataset(dataSpec(await folderOf(...sets)), [x]));
    expect(error.name).toBe('DataError');
    expect(error.message).toMatch(message);
  });

  it('refuses sets of different shapes and shared values that differ', async () => {
    const shapes = await folderOf([floats('x', [1, 2], [1, 2])], [floats('x', [1, 3], [1, 2, 3])]);
    expect((await failure(openDataset(dataSpec(shapes), [input('x', ['N', 'T'])]))).message).toMatch(
      /shape 1x2 in test_data_set_0 and 1x3 in test_data_set_1/,
    );
    const rates = await folderOf(
      [floats('x', [1, 2], [1, 2]), rawLongs('sr', [], [8000n])],
      [floats('x', [1, 2], [1, 2]), rawLongs('sr', [], [16000n])],
    );
    const model = [input('x', ['N', 2]), input('sr', [], INT64)];
    expect((await failure(openDataset(dataSpec(rates), model))).message).toMatch(
      /"sr" has one value for a whole batch/,
    );
  });

  it('of which one input has no axis for samples and differs are samples as they stand', async () => {
    const graph = (i: number, edges: bigint[]) => [
      floats('x', [3, 1], [i, i + 1, i + 2]),
      rawLongs('edge', [2, 2], edges),
    ];
    const folder = await folderOf(graph(0, [0n, 1n, 1n, 2n]), graph(10, [2n, 1n, 0n, 0n]));
    const model = [input('x', ['V', 1]), input('edge', [2, 'E'], INT64)];
    const data = await openDataset(dataSpec(folder), model, { order: 'all' });
    expect(data.size).toBe(2);
    expect(data.batchAxes).toEqual({ x: null, edge: null });
    const second = await data.read(1, 1);
    expect([second.x.dims, second.edge.dims]).toEqual([
      [3, 1],
      [2, 2],
    ]);
    expect([numbers(second.x.data), numbers(second.edge.data)]).toEqual([
      [10, 11, 12],
      [2, 1, 0, 0],
    ]);
  });

  it('the memory limit', async () => {
    const folder = await folderOf([floats('x', [1, 2], [1, 2])]);
    expect((await failure(openDataset(dataSpec(folder), [x], { maxBytes: 4 }))).message).toMatch(
      /more memory than the limit/,
    );
  });
});
