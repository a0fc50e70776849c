import { describe, expect, it } from 'vitest';
import { findNetwork } from '../../../../src/onnx/network/functions';
import { TensorProto_DataType as DataType } from '../../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../../../support/models/builder';

/** [function, its layers, output] per function. */
function found(b: ModelBuilder): [string, string[], string][] {
  return findNetwork(b.build()).functions.map((f) => [f.name, f.layers.map(({ node }) => node), f.output]);
}

describe('embedding tables', () => {
  it('are functions; position embeddings are taken where they meet the data', () => {
    const b = new ModelBuilder({ seed: 1 });
    const ids = b.input('ids', ['batch', 'length'], DataType.INT64);
    const tokens = b.op('Gather', [b.weight('tokens', [100, 32], 1), ids], {}, { name: 'token' });
    const size = b.op('Gather', [b.op('Shape', [ids]), b.initializer('one', [], BigInt64Array.of(1n))]);
    const start = b.initializer('start', [], BigInt64Array.of(0n));
    const places = b.op('Range', [start, size, b.initializer('step', [], BigInt64Array.of(1n))]);
    const positions = b.op('Gather', [b.weight('positions', [64, 32], 1), places], {}, { name: 'position' });
    const wide = b.op('Unsqueeze', [positions, b.initializer('axes', [1], BigInt64Array.of(0n))]);
    const sum = b.op('Add', [b.op('Relu', [tokens]), wide], {}, { output: 'sum' });
    b.output(b.op('Softmax', [sum], {}, { output: 'y' }));
    expect(found(b)).toEqual([['token', ['token', 'position'], 'sum']]);
  });

  it('are functions where the file itself picks, if they are added to the data', () => {
    const b = new ModelBuilder({ seed: 1 });
    const x = b.input('x', ['batch', 16, 32]);
    const numbers = b.initializer(
      'numbers',
      [16],
      BigInt64Array.from({ length: 16 }, (_, i) => BigInt(i)),
    );
    const rows = b.op('Gather', [b.weight('positions', [64, 32], 1), numbers], {}, { name: 'position' });
    b.output(b.op('Add', [x, rows], {}, { output: 'y' }));
    // Permuted weights of a product are no table.
    const permuted = b.op('Gather', [b.weight('weights', [32, 32], 1), numbers], {}, { name: 'permuted' });
    b.output(b.op('MatMul', [x, b.op('Transpose', [permuted])], {}, { name: 'product' }));
    expect(found(b)).toEqual([['position', ['position'], 'y']]);
  });

  it('are not: integers, few numbers, one row of a stack, short rows, shapes', () => {
    const b = new ModelBuilder({ seed: 1 });
    const ids = b.input('ids', ['batch', 3], DataType.INT64);
    const x = b.input('x', ['batch', 3, 32]);
    const row = b.initializer('row', [], BigInt64Array.of(2n));
    b.output(b.op('Gather', [b.initializer('ints', [64, 32], new BigInt64Array(2048)), ids]));
    b.output(b.op('Gather', [b.weight('few', [8, 16], 1), ids]));
    b.output(b.op('Gather', [b.weight('short', [4096, 2], 1), ids]));
    b.output(b.op('Add', [x, b.op('Gather', [b.weight('stack', [40, 32], 1), row])]));
    expect(found(b)).toEqual([]);
  });

  it('are seen behind one-hot vectors, with a scale a row', () => {
    const b = new ModelBuilder({ seed: 1 });
    const ids = b.input('ids', ['batch'], DataType.INT64);
    const depth = b.initializer('depth', [1], BigInt64Array.of(50n));
    const values = b.initializer('values', [2], Float32Array.of(0, 1));
    const vectors = b.op('OneHot', [ids, depth, values]);
    b.output(b.op('MatMul', [vectors, b.weight('table', [50, 24], 1)], {}, { name: 'embed' }));
    const [{ layers }] = findNetwork(b.build()).functions;
    expect(layers[0]).toMatchObject({ op: 'MatMul', channelAxis: 0, picks: { axis: 0, by: 'oneHot' } });
  });

  it('share their bits, and their elements, with a tied head', () => {
    const b = new ModelBuilder({ seed: 1 });
    const ids = b.input('ids', ['batch', 3], DataType.INT64);
    const table = b.weight('table', [100, 32], 1);
    const rows = b.op('Gather', [table, ids], {}, { name: 'embed' });
    b.output(
      b.op(
        'MatMul',
        [b.op('Softmax', [rows]), b.op('Transpose', [table], { perm: [1, 0] })],
        {},
        { name: 'head' },
      ),
    );
    const network = findNetwork(b.build());
    expect(network.ties).toEqual([[0, 1]]);
    expect(network.functions.map(({ layers }) => layers[0].channelAxis)).toEqual([0, 0]);
  });
});
