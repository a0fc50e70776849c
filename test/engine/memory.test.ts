import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDataset } from '../../src/calibration/open';
import { Job } from '../../src/engine/process/job/job';
import { Samples } from '../../src/engine/process/ort/samples';
import { probeBatches } from '../../src/engine/process/score/batchProbe';
import { Grams } from '../../src/engine/process/score/grams';
import { choosePlan, cost, leastBytes, type Load, type Plan } from '../../src/engine/process/score/plan';
import { runPlan } from '../../src/engine/process/score/runPlan';
import { ScoringContext } from '../../src/engine/process/score/scoringContext';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import { mobilenetV2, resnet18 } from '../support/models/zoo';
import { expectSameOrm, referenceGrams, save, scoreOnce, synthetic } from './harness';

/** Bytes that a plan takes at its worst moment, counted apart from the planner. */
function peak(load: Load): number {
  const plan = choosePlan(load);
  switch (plan.kind) {
    case 'once':
      return load.samples * load.activationBytes;
    case 'pairs':
      return (2 * plan.blockSize + 1) * load.activationBytes;
    case 'columns':
      return plan.batch * (load.activationBytes + 4 * load.features) + 2 * 4 * load.samples * plan.columns;
  }
}

describe('the plan', () => {
  const loads = fc.record({
    samples: fc.integer({ min: 2, max: 512 }),
    batch: fc.constantFrom(null, 1, 4),
    activationBytes: fc.integer({ min: 1e4, max: 5e8 }),
    features: fc.integer({ min: 1e3, max: 1e8 }),
    budget: fc.integer({ min: 1e7, max: 1e11 }),
  });

  it('stays in its budget wherever any plan does', () => {
    fc.assert(
      fc.property(loads, (load) => {
        fc.pre(leastBytes(load) <= load.budget);
        expect(peak(load)).toBeLessThanOrEqual(load.budget);
      }),
    );
  });

  it('never runs more samples when it has more memory', () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 2, max: 10 }), (load, factor) => {
        const more = { ...load, budget: load.budget * factor };
        // 1.3: the charge for small batches may come and go.
        expect(cost(choosePlan(more), more)).toBeLessThanOrEqual(1.3 * cost(choosePlan(load), load));
      }),
    );
  });
});

describe('every plan gives the same ORM', () => {
  const data = synthetic(11);
  const plans: Plan[] = [
    { kind: 'once' },
    { kind: 'pairs', blockSize: 6 },
    { kind: 'pairs', blockSize: 4 },
    { kind: 'pairs', blockSize: 1 },
    { kind: 'columns', batch: 1, columns: 5000 },
    { kind: 'columns', batch: 4, columns: 1e9 },
  ];

  it.each([
    ['as probed', false],
    ['with all functions centred before the product', true],
  ])('%s', async (_, all) => {
    const path = save(resnet18({ size: 48, width: 0.25 }));
    const reference = await referenceGrams(path, data);
    const model = await readModel(path);
    const network = findNetwork(model);
    const dataset = await openDataset(data, network.inputs);
    const job = new Job(
      () => undefined,
      () => undefined,
    );
    const samples = await Samples.open(dataset, all ? 0 : 1e9, job, () => undefined);
    const context = new ScoringContext(path, network, samples, 'cpu', job);
    const probed = await probeBatches(context, model);
    onTestFinished(() => probed.session?.close());
    const indices = network.functions.map((_f, i) => i);
    if (all) probed.exact = new Set(indices);
    for (const plan of plans) {
      const grams = new Grams(context.functionNames, samples.size, context.name);
      await runPlan(context, probed, plan, indices, grams, () => undefined);
      expectSameOrm({ samples: samples.size, grams: grams.finish() }, reference);
    }
  });
});

describe('the memory limit', () => {
  it('names the limit that would do where it is too small, and that one does', async () => {
    const path = save(mobilenetV2({ size: 64, width: 0.25 }));
    const data = synthetic(8);
    const tooSmall = scoreOnce(path, data, { memoryLimit: 20e6 });
    await expect(tooSmall).rejects.toThrow(
      /^The memory limit of 20 MB is too small for model.onnx: one sample at a time takes about \d+ MB; raise the limit/,
    );
    const needed = await tooSmall.catch((error: Error) => Number(/about (\d+) MB/.exec(error.message)![1]));
    // What an idle process holds differs from run to run.
    const { reply } = await scoreOnce(path, data, { memoryLimit: 1.3e6 * (needed as number) });
    expectSameOrm(reply, await referenceGrams(path, data));
  });

  it.skipIf(process.platform !== 'linux')('holds, as the system counts it', async () => {
    const path = save(mobilenetV2({ size: 160 }));
    const data = synthetic(32);
    const peaks: number[] = [];
    const kinds: string[] = [];
    for (const memoryLimit of [0, 320e6]) {
      const { log, peakBytes } = await scoreOnce(path, data, { memoryLimit });
      peaks.push(peakBytes);
      kinds.push(log.join('\n'));
    }
    expect(kinds[0]).toContain('all at once');
    expect(kinds[1]).toMatch(/pairs of blocks|collected features/);
    expect(peaks[1]).toBeLessThan(Math.min(320e6 * 1.1, peaks[0]));
  });
});
