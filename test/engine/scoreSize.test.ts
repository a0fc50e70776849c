/** The size of scores of classes after rounding. */
import { expect, it } from 'vitest';
import { blocksToRoundOn, withScoreSize } from '../../src/engine/process/export/scoreSize';
import { Job } from '../../src/engine/process/job/job';
import { roundNetwork } from '../../src/engine/process/rounding/roundNetwork';
import { findNetwork } from '../../src/onnx/network/functions';
import { planOutputs } from '../../src/onnx/network/outputs';
import type { WeightStorage } from '../../src/onnx/packing/quantizeModel';
import { Random } from '../support/models/random';
import { resnet18 } from '../support/models/zoo';

const job = new Job(
  () => undefined,
  () => undefined,
);

async function rounded(kind: 'classes' | 'regression') {
  const model = resnet18({ size: 32, width: 0.125, classes: 10 });
  const network = findNetwork(model);
  const plan = planOutputs(model, network, { [model.graph!.output[0].name]: kind });
  const random = new Random(3);
  const blocks = [16, 16].map((count) => ({
    [model.graph!.input[0].name]: {
      type: 'float32' as const,
      data: random.normals(count * 3 * 32 * 32),
      dims: [count, 3, 32, 32],
    },
  }));
  const tried = { model, network, path: '/m.onnx', plan, blocks, countOf: () => 16, job };
  const bits = network.functions.map(() => 8);
  const work = { model, network, path: '/m.onnx', bits, job, onProgress: () => undefined };
  const storages = await roundNetwork({ ...work, method: 'nearest', roundScale: Math.fround, inputs: [] });
  return { tried, storages };
}

const scalesOf = (storage: WeightStorage) => ('scales' in storage ? storage.scales : new Float32Array(0));

it.each([0.8, 1.3])('is the float network’s again where the last layer had %f of it', async (share) => {
  const { tried, storages } = await rounded('classes');
  const wrong = storages.map((storage, i) =>
    i === storages.length - 1 && 'scales' in storage
      ? { ...storage, scales: storage.scales.map((scale) => share * scale) }
      : storage,
  );
  const { factor, storages: mended } = await withScoreSize(wrong, tried, Math.fround);
  // To the nearest of the sizes that are tried.
  expect(Math.abs(Math.log(factor * share))).toBeLessThan(Math.log(1.04));
  mended.forEach((storage, i) => {
    const isLast = i === storages.length - 1;
    const expected = scalesOf(wrong[i]).map((scale) => Math.fround((isLast ? factor : 1) * scale));
    expect(scalesOf(storage)).toEqual(expected);
  });
});

it('stays as it is where nothing is to be gained', async () => {
  const { tried, storages } = await rounded('classes');
  const found = await withScoreSize(storages, tried, Math.fround);
  expect(found.factor).toBe(1);
  expect(found.storages).toEqual(storages);
});

it('is measured on an eighth of the samples, which rounding does not see, where the only output is scores', async () => {
  const { tried } = await rounded('classes');
  const { network, plan, model, blocks } = tried;
  const of = (count: number) => ({
    model,
    blocks: Array.from({ length: count }, () => blocks[0]),
    size: 16,
    fixed: false,
    count: 16 * count,
    complete: true,
  });
  expect(blocksToRoundOn(of(16), plan, network)).toBe(14);
  expect(blocksToRoundOn(of(7), plan, network)).toBe(7);
  const { tried: other } = await rounded('regression');
  expect(blocksToRoundOn(of(16), other.plan, network)).toBe(16);
});
