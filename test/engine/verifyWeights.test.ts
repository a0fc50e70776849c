/** Files whose floats are too many to run: their weights are compared one by one. */
import { describe, expect, it } from 'vitest';
import { verifyWeights } from '../../src/engine/process/export/verifyWeights';
import { Job } from '../../src/engine/process/job/job';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { isTooLargeInside } from '../../src/onnx/packing/fakeQuantize';
import { quantizeModel, type WeightStorage } from '../../src/onnx/packing/quantizeModel';
import { networkWeights } from '../../src/onnx/packing/size';
import { TensorProto_DataType as DataType, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { save } from './harness';

const job = () =>
  new Job(
    () => undefined,
    () => undefined,
  );

function network(): ModelProto {
  const b = new ModelBuilder({ seed: 11 });
  b.input('ids', ['batch', 'length'], DataType.INT64);
  const table = b.weight('table', [40, 16], 0.5);
  const x = b.setChannels(b.op('Gather', [table, 'ids'], {}, { name: 'embed' }), 16);
  return b.output(b.matmul(b.relu(b.matmul(x, 24, { name: 'up' })), 8, { name: 'down' })).build();
}

/** Codes that no rounding gave: what is compared is the file. */
function storagesOf(model: ModelProto): WeightStorage[] {
  return networkWeights(findNetwork(model)).map(({ tensor, shape, axis }, i) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const codes = Int8Array.from({ length: count }, (_, k) => ((k * 7 + i) % 15) - 7);
    const scales = Float32Array.from({ length: shape[axis] }, (_, k) => 0.01 * (k + 1));
    return { tensor, bits: 4, axis, codes, scales };
  });
}

describe('the written weights', () => {
  const model = network();
  const storages = storagesOf(model);
  const write = () => save(quantizeModel(model, storages, { scaleType: 'float32' }));
  const expected = { model, path: 'model.onnx', network: findNetwork(model), storages };

  it('are the rounded ones, tables of which rows are picked included', async () => {
    await expect(verifyWeights(write(), expected, job())).resolves.toBeUndefined();
  });

  it('that differ in one code are named', async () => {
    for (const [index, { tensor }] of storages.entries()) {
      const others = storagesOf(model);
      (others[index] as { codes: Int8Array }).codes[5] = 6;
      await expect(verifyWeights(write(), { ...expected, storages: others }, job())).rejects.toThrow(
        `its weights "${tensor}" are not the rounded ones`,
      );
    }
  });

  it('lie in a graph whose other nodes are the original ones', async () => {
    const changed = await readModel(write());
    const relu = changed.graph!.node.find(({ opType }) => opType === 'Relu')!;
    relu.opType = 'Sigmoid';
    await expect(verifyWeights(save(changed), expected, job())).rejects.toThrow('its node "Relu_');
  });
});

it('weights of more floats than one Protobuf message holds are known as such', () => {
  const large = findNetwork(network());
  expect(isTooLargeInside(large)).toBe(false);
  large.functions[0].layers[0].weightShape = [50_000, 10_000];
  expect(isTooLargeInside(large)).toBe(true);
});
