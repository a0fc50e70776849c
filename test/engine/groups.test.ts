/** A scale per group of inputs: measured, rounded by every method, written and verified. */
import { describe, expect, it } from 'vitest';
import { bitsOf, groupOf, storageCode } from '../../src/common/storageCode';
import { layerNoise } from '../../src/engine/process/contest/noise';
import { Job } from '../../src/engine/process/job/job';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { sizeModel } from '../../src/onnx/packing/size';
import { TensorProto_DataType as DataType, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { Random } from '../support/models/random';
import { compare, quantize } from './exporting';
import { save, synthetic } from './harness';

/** Inputs of which a few carry far larger weights, as in transformers; the last layer's inputs do not come out even. */
function network(): ModelProto {
  const b = new ModelBuilder({ opset: 17, seed: 8 });
  const uneven = (name: string, [rows, columns]: [number, number], byRow: boolean) => {
    const values = b.random.normals(rows * columns);
    b.initializer(
      name,
      [rows, columns],
      Float32Array.from(values, (v, i) => {
        const input = byRow ? Math.floor(i / columns) : i % columns;
        return (v / Math.sqrt(byRow ? rows : columns)) * (input % 64 < 8 ? 4 : 0.5);
      }),
    );
    return name;
  };
  const x = b.input('x', ['batch', 128]);
  let y = b.op('MatMul', [x, uneven('up', [128, 192], true)], {}, { name: 'up' });
  y = b.op('Gemm', [b.relu(y), uneven('down', [80, 192], false)], { transB: 1 }, { name: 'down' });
  return b.output(b.matmul(b.setChannels(b.relu(y), 80), 10, { name: 'odd' })).build();
}

const job = () =>
  new Job(
    () => undefined,
    () => undefined,
  );

describe('groups of scales', () => {
  it('have their bytes counted for every pair, where layers can have them', () => {
    const model = network();
    const { functionBytes } = sizeModel(model, findNetwork(model));
    for (const [i, groups] of [[32, 64], [32, 64], []].entries()) {
      const own = Object.keys(functionBytes[i])
        .map(Number)
        .filter((code) => groupOf(code) > 0);
      expect([...new Set(own.map(groupOf))]).toEqual(groups);
      // Four bytes a scale, and the nodes that split and join the axis.
      for (const code of own) {
        const [inputs, outputs] = i === 0 ? [128, 192] : [192, 80];
        const scales = 4 * outputs * (inputs / groupOf(code) - 1);
        const extra = functionBytes[i][code] - functionBytes[i][bitsOf(code)];
        expect(extra).toBeGreaterThanOrEqual(scales);
        expect(extra).toBeLessThan(scales + 120);
      }
    }
  });

  it('are measured beside the low widths, and make less noise here', async () => {
    const model = network();
    const random = new Random(3);
    const blocks = [{ x: { type: 'float32' as const, data: random.normals(32 * 128), dims: [32, 128] } }];
    const { noise } = await layerNoise({
      model,
      network: findNetwork(model),
      path: '/m.onnx',
      widths: [2, 4, 8],
      groups: [32, 64, 128],
      inputs: blocks,
      job: job(),
    });
    for (const i of [0, 1]) {
      expect(Object.keys(noise[i]).map(Number)).toEqual(
        [2, 4, 8, ...[32, 64].flatMap((g) => [storageCode(2, g), storageCode(4, g)])].sort((a, b) => a - b),
      );
      expect(noise[i][storageCode(4, 32)]).toBeLessThan(0.8 * noise[i][4]);
    }
    expect(Object.keys(noise[2])).toEqual(['2', '4', '8']);
  });

  it.each(['nearest', 'gptq', 'reconstruct'] as const)(
    'are rounded by %s, written and verified',
    async (rounding) => {
      const model = save(network());
      const data = synthetic(64);
      const sqnr: number[] = [];
      for (const group of [0, 32]) {
        // Inside the engine the file is held against the rounded weights; its bytes are those that were predicted.
        const { out } = await quantize(model, {
          rounding,
          data,
          width: 3,
          groups: [group, group, 0],
          overwrite: true,
          form: 'planes',
        });
        sqnr.push((await compare(model, out, data)).against!.sqnrDb);
      }
      expect(sqnr[1]).toBeGreaterThan(sqnr[0] + 0.5);
    },
  );

  it('are written packed, too, and as rows of a table', async () => {
    const model = save(network());
    const packed = await quantize(model, { rounding: 'nearest', width: 4, groups: [64, 32, 0], form: 'dq' });
    expect(packed.packed!.weights).toBe(3);
    const blocks = (await readModel(packed.out))
      .graph!.node.filter(({ opType }) => opType === 'DequantizeLinear')
      .map(({ attribute }) => Number(attribute.find(({ name }) => name === 'block_size')?.i ?? 0));
    expect(blocks.sort((a, b) => a - b)).toEqual([0, 32, 64]);

    const b = new ModelBuilder({ seed: 2 });
    b.input('ids', ['batch', 6], DataType.INT64);
    const table = b.setChannels(
      b.op('Gather', [b.weight('table', [50, 64], 1), 'ids'], {}, { name: 'embed' }),
      64,
    );
    const embedding = save(b.output(b.matmul(table, 8, { name: 'head' })).build());
    const ids = synthetic(16);
    const sizes: number[] = [];
    for (const group of [0, 32]) {
      const { bytes } = await quantize(embedding, {
        rounding: 'nearest',
        width: 4,
        groups: [group, 0],
        data: ids,
        overwrite: true,
      });
      sizes.push(bytes);
    }
    // One more scale for each of 50 rows.
    expect(sizes[1] - sizes[0]).toBeGreaterThanOrEqual(200);
    expect(sizes[1] - sizes[0]).toBeLessThan(320);
  });
});
