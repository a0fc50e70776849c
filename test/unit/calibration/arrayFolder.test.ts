import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/calibration/open';
import { dataSpec, failure, input, INT64, npy, numbers, put, temporaryFolder } from './files';

const root = await temporaryFolder();
const model = [input('x', ['N', 2, 2])];
const values = (i: number, count = 4) => Float32Array.from({ length: count }, (_, j) => 10 * i + j);
const inOrder = { order: 'all' } as const;

async function folderOf(name: string, files: Record<string, Uint8Array | string>): Promise<string> {
  for (const [file, content] of Object.entries(files)) await put(join(root, name, file), content);
  return join(root, name);
}

describe('a folder of arrays', () => {
  it.each([
    ['with the batch axis', [1, 2, 2]],
    ['without it', [2, 2]],
  ])('has one sample a file, %s', async (_, shape) => {
    const files = [2, 0, 1].map((i) => [`s${i}.npy`, npy('<f4', shape, values(i))] as const);
    const data = await openDataset(
      dataSpec(await folderOf(`one${shape.length}`, Object.fromEntries(files))),
      model,
      inOrder,
    );
    expect(data.size).toBe(3);
    expect(data.description).toMatch(/^3 samples in one\d\/ \(3 \.npy\)$/);
    const { x } = await data.read(1, 2);
    expect(x.dims).toEqual([2, 2, 2]);
    expect(numbers(x.data)).toEqual([10, 11, 12, 13, 20, 21, 22, 23]);
  });

  it('is read a file a sample where one input has no axis for samples and differs', async () => {
    const graph = [input('x', ['V', 1]), input('edge', [2, 'E'], INT64)];
    const nodes = (i: number) => Float32Array.of(i, i + 1, i + 2);
    const edges = (i: number) => BigInt64Array.of(0n, 1n, BigInt(i), 2n);
    const archive = (i: number) =>
      zipSync({ 'x.npy': npy('<f4', [3, 1], nodes(i)), 'edge.npy': npy('<i8', [2, 2], edges(i)) });
    const folder = await folderOf('graphs', {
      '0.npz': archive(0),
      '1.npz': archive(1),
      '2.npz': archive(2),
    });
    const pairs = await folderOf('pairs', {
      'x/0.npy': npy('<f4', [3, 1], nodes(0)),
      'edge/0.npy': npy('<i8', [2, 2], edges(0)),
      'x/1.npy': npy('<f4', [3, 1], nodes(1)),
      'edge/1.npy': npy('<i8', [2, 2], edges(1)),
    });
    const stacked = await folderOf('stacked', {
      'all.npz': zipSync({
        'x.npy': npy('<f4', [2, 3, 1], Float32Array.of(...nodes(0), ...nodes(1))),
        'edge.npy': npy('<i8', [2, 2, 2], BigInt64Array.of(...edges(0), ...edges(1))),
      }),
    });
    for (const path of [folder, pairs, join(stacked, 'all.npz')]) {
      const data = await openDataset(dataSpec(path), graph, inOrder);
      expect(data.batchAxes).toEqual({ x: null, edge: null });
      const { x, edge } = await data.read(1, 1);
      expect([x.dims, numbers(x.data)]).toEqual([
        [3, 1],
        [1, 2, 3],
      ]);
      expect([edge.dims, numbers(edge.data)]).toEqual([
        [2, 2],
        [0, 1, 1, 2],
      ]);
    }
  });

  it('may have several samples a file', async () => {
    const folder = await folderOf('several', {
      'a.npy': npy('<f4', [2, 2, 2], values(0, 8)),
      'b.npy': npy('<f4', [1, 2, 2], values(5)),
    });
    const data = await openDataset(dataSpec(folder), model, inOrder);
    expect(data.size).toBe(3);
    expect(numbers((await data.read(1, 2)).x.data)).toEqual([4, 5, 6, 7, 50, 51, 52, 53]);
  });

  it('has labels by class folder, by table, as labels.npy and inside a .npz', async () => {
    const sample = (i: number) => npy('<f4', [1, 2, 2], values(i));
    const label = (values: number[]) => npy('<i8', [values.length], BigInt64Array.from(values, BigInt));
    const labelsIn = async (name: string, files: Record<string, Uint8Array | string>) => {
      const { labels } = await openDataset(dataSpec(await folderOf(name, files)), model, inOrder);
      return labels && numbers(labels);
    };
    expect(await labelsIn('f', { 'cat/a.npy': sample(0), 'dog/a.npy': sample(1) })).toEqual([0, 1]);
    expect(
      await labelsIn('t', {
        'a.npy': sample(0),
        'b.npy': sample(1),
        'labels.csv': 'file,label\nb.npy,4\na.npy,7\n',
      }),
    ).toEqual([7, 4]);
    expect(
      await labelsIn('n', { 'a.npy': sample(0), 'b.npy': sample(1), 'labels.npy': label([3, 2]) }),
    ).toEqual([3, 2]);
    const archive = (i: number) => zipSync({ 'x.npy': sample(i), 'label.npy': label([i]) });
    expect(await labelsIn('z', { 'a.npz': archive(6), 'b.npz': archive(5) })).toEqual([6, 5]);
  });

  it('feeds several inputs: .npz, folders by input, or the input in the name', async () => {
    const two = [input('ids', ['N', 2], INT64), input('mask', ['N', 2], INT64)];
    const ints = (i: number) => npy('<i8', [1, 2], BigInt64Array.of(BigInt(i), BigInt(i + 1)));
    const forms: Record<string, Record<string, Uint8Array>> = {
      npz: {
        '0.npz': zipSync({ 'ids.npy': ints(3), 'mask.npy': ints(8) }),
        '1.npz': zipSync({ 'ids.npy': ints(4), 'mask.npy': ints(9) }),
      },
      folders: { 'ids/0.npy': ints(3), 'ids/1.npy': ints(4), 'mask/0.npy': ints(8), 'mask/1.npy': ints(9) },
      names: { '0_ids.npy': ints(3), '1_ids.npy': ints(4), '0_mask.npy': ints(8), '1_mask.npy': ints(9) },
    };
    for (const [name, files] of Object.entries(forms)) {
      const data = await openDataset(dataSpec(await folderOf(`two-${name}`, files)), two, inOrder);
      const read = await data.read(0, 2);
      expect(numbers(read.ids.data), name).toEqual([3, 4, 4, 5]);
      expect(numbers(read.mask.data), name).toEqual([8, 9, 9, 10]);
    }
    const single = await folderOf('two-single', { 'a.npy': ints(1) });
    expect((await failure(openDataset(dataSpec(single), two))).message).toMatch(
      /model has 2 \(ids, mask\); give \.npz/,
    );
  });

  it('says which file does not fit', async () => {
    const odd = await folderOf('odd', { 'a.npy': npy('<f4', [3, 3], values(0, 9)) });
    expect((await failure(openDataset(dataSpec(odd), model))).message).toMatch(
      /^a\.npy has shape 3x3, but the model's input "x" wants Nx2x2; store one sample a file/,
    );
    const open = [input('x', ['N', 'T'])];
    const lengths = await folderOf('lengths', {
      'a.npy': npy('<f4', [1, 3], values(0, 3)),
      'b.npy': npy('<f4', [1, 4], values(0, 4)),
    });
    expect((await failure(openDataset(dataSpec(lengths), open))).message).toMatch(
      /^b\.npy gives input "x" the shape 1x4, but a\.npy gives it 1x3; pad or cut/,
    );
  });
});
