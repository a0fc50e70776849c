import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../src/cache/cache';
import { readConfig } from '../../src/config/config';
import { measuredOf, verdictOf } from '../../src/config/measured';
import { looksAtScores } from '../../src/config/winner';
import { Engine } from '../../src/engine/client';
import { quantize, type QuantizeResult } from '../../src/pipeline/quantize';
import { resolveConfig } from '../../src/pipeline/resolve';
import type { AllocationSettings } from '../../src/pipeline/settings';
import { type ScoreOptions } from '../../src/pipeline/settings';
import { resnet18 } from '../support/models/zoo';
import { save, scoreSettings, scratch, synthetic } from './harness';
import { SCRIPT } from './script';

let engine: Engine;
beforeAll(() => {
  engine = new Engine({ script: SCRIPT, log: () => undefined });
});
afterAll(() => engine.dispose());

function run(settings: Partial<AllocationSettings>, options: ScoreOptions = {}): Promise<QuantizeResult> {
  const network = resnet18({ size: 32, width: 0.125, classes: 10 });
  const model = save(network);
  const out = join(dirname(model), 'net.ompq.json');
  // Random weights choose no class as trained ones do.
  const outputs = { [network.graph!.output[0].name]: 'classes' as const };
  const score = scoreSettings(model, { ...synthetic(24), outputs });
  const allocation: AllocationSettings = {
    objective: 'auto',
    budget: { averageBits: 4 },
    widths: [2, 3, 4, 5, 6, 7, 8],
    pin: { first: 8, last: 8 },
    locks: {},
    ...settings,
  };
  return quantize(engine, score, allocation, out, options);
}

const quick = { rounding: 'nearest', searchSeconds: 0 } as const;

describe('noise-aware allocation', () => {
  it('measures noise that falls about fourfold with every bit', async () => {
    const { config } = await run({ objective: 'noise-aware' });
    for (const { noise } of config.functions) {
      expect(noise).toHaveLength(7);
      for (let i = 1; i < 7; i++) expect(noise![i]).toBeLessThan(noise![i - 1]);
      // From 4 to 8 bits: 4^4, within what scales chosen by MSE and the shape of the weights leave.
      expect(noise![2] / noise![6]).toBeGreaterThan(64);
      expect(noise![2] / noise![6]).toBeLessThan(1024);
    }
  });

  it('leaves less noise than the paper objective at the same average', async () => {
    const noiseOf = ({ config }: QuantizeResult): number =>
      config.functions.reduce((sum, f) => sum + f.noise![f.bits - 2], 0);
    const aware = await run({ objective: 'noise-aware' });
    const weighted = await run({ objective: 'orthogonality-noise' });
    expect(noiseOf(aware)).toBeLessThanOrEqual(noiseOf(weighted) * (1 + 1e-9));
    expect(aware.config.solver.status).toBe('optimal');
  });
});

describe('a contest', () => {
  it('keeps what it was asked, and says of given bits only what was measured of them', async () => {
    const { config } = await run({ budget: { averageBits: 2.5 }, pin: null, contest: quick });
    const { contest } = config;
    expect(contest?.asked).toEqual({
      budget: { averageBits: 2.5 },
      widths: [2, 3, 4, 5, 6, 7, 8],
      pin: null,
    });
    const bits = config.functions.map((f) => f.bits);
    const winner = measuredOf(contest, bits)!;
    expect(winner.bits).toEqual(bits);
    expect(verdictOf(winner)).not.toBe('good');
    expect(measuredOf(contest, [...bits.slice(1), 7])).toBeNull();
  });
});

describe('a second run', () => {
  it('takes noise and contest from the cache, and comes to the same config', async () => {
    const cache = new Cache(scratch());
    const settings = { contest: { rounding: 'nearest', searchSeconds: 1 } } as const;
    const first = await run(settings, { cache });
    expect(first.cached).toBe(false);
    const second = await run(settings, { cache });
    expect({ ...second.config, solver: null }).toEqual({ ...first.config, solver: null });
    // Another question has another answer.
    expect((await run({ contest: { rounding: 'nearest', searchSeconds: 0 } }, { cache })).cached).toBe(false);
    expect((await run({ ...settings, budget: { averageBits: 5 } }, { cache })).cached).toBe(false);
  });
});

describe('the contest', () => {
  it('runs every candidate at the budget and takes the one closest to the float model', async () => {
    const { config, configPath } = await run({ contest: quick });
    const { candidates, chosen } = config.contest!;
    expect(candidates.map((c) => c.objective)).toEqual(
      expect.arrayContaining(['orthogonality', 'noise-aware', 'orthogonality-noise']),
    );
    const best = candidates.reduce((a, b) => (b.kl! < a.kl! ? b : a));
    expect(chosen).toBe(best.name);
    expect(config.functions.map((f) => f.bits)).toEqual(best.bits);
    for (const { averageBits, bits } of candidates) {
      expect(averageBits).toBeLessThanOrEqual(4);
      expect(bits[0]).toBe(8);
    }
    // What less and more would cost was measured alike.
    const curve = config.contest!.curve!;
    expect(curve[0].bytes).toBeLessThan(config.totals.bytes);
    expect(curve.at(-1)!.bytes).toBeGreaterThan(config.totals.bytes);
    expect(curve[0].cost).toBeGreaterThan(curve.at(-1)!.cost!);
    expect(await readConfig(configPath)).toEqual(JSON.parse(JSON.stringify(config)));
  });

  it('gives up what is clearly worse before the samples are through, and never lets it win', async () => {
    const network = resnet18({ size: 32, width: 0.125, classes: 10 });
    const model = save(network);
    const { network: inspected } = await engine.request({
      kind: 'inspect',
      model,
      granularity: 'layer',
      shapes: {},
    });
    const all = (bits: number): number[] => inspected.functions.map(() => bits);
    const reply = await engine.request({
      kind: 'contest',
      model,
      granularity: 'layer',
      candidates: [all(8), all(2), all(7)],
      points: [all(2)],
      rounding: 'nearest',
      data: { ...synthetic(96), outputs: { [network.graph!.output[0].name]: 'classes' } },
      rounded: 0,
      search: null,
      memoryLimit: 0,
    });
    const [best, worse, near] = reply.results;
    expect(best!.samples).toBeUndefined();
    expect(worse!.samples).toBeGreaterThanOrEqual(32);
    expect(worse!.samples).toBeLessThan(96);
    expect(worse!.cost).toBeGreaterThan(10 * best!.cost);
    expect(near!.cost).toBeGreaterThan(best!.cost);
    // Points of the curve are run on all.
    expect(reply.points![0]!.samples).toBeUndefined();
  });

  it('is not worse after the local search, and stays within the budget', async () => {
    const { config } = await run({ contest: { rounding: 'nearest', searchSeconds: 4 } });
    const { candidates, chosen } = config.contest!;
    const held = candidates.find(({ name }) => name === chosen)!;
    for (const { kl } of candidates) expect(held.kl!).toBeLessThanOrEqual(kl!);
    expect(held.averageBits).toBeLessThanOrEqual(4);
    expect(config.totals.averageBits).toBeLessThanOrEqual(4);
  });

  it('is won again by the same objective when the config is solved for another budget', async () => {
    const { config, scored } = await run({ contest: quick });
    const smaller = { ...config, allocation: { ...config.allocation, budget: { averageBits: 3 } } };
    const resolved = resolveConfig(smaller, scored.inspect);
    expect(resolved.totals.averageBits).toBeLessThanOrEqual(3);
    expect(resolved.totals.averageBits).toBeGreaterThan(2.5);
    expect(resolveConfig(config, scored.inspect).functions.map((f) => f.bits)).toEqual(
      config.functions.map((f) => f.bits),
    );
  });

  it('can compare with the rounding of the export', async () => {
    const rounding = 'reconstruct';
    const { config } = await run({ contest: { rounding, searchSeconds: 0 } });
    expect(config.contest!.rounding).toBe(rounding);
    for (const { kl } of config.contest!.candidates) expect(kl).toBeGreaterThan(0);
  });
});

describe('limits beside the budget', () => {
  it('hold for every candidate and for the swaps, with rules and ties', async () => {
    const bops = 40e6;
    const { config } = await run({
      contest: { rounding: 'nearest', searchSeconds: 2 },
      limits: { bops },
      activationBits: 8,
      rules: { '*layer2*': [3, 4] },
      ties: [['*layer3*']],
      bootstrap: 5,
    });
    const used = (bits: number[]): number =>
      config.functions.reduce((sum, f, i) => sum + f.macs! * bits[i] * 8, 0);
    const index = (part: string): number[] =>
      config.functions.flatMap((f, i) => (f.name.includes(part) ? [i] : []));
    for (const { bits } of config.contest!.candidates) {
      expect(used(bits)).toBeLessThanOrEqual(bops);
      for (const i of index('layer2')) expect([3, 4]).toContain(bits[i]);
      expect(new Set(index('layer3').map((i) => bits[i])).size).toBe(1);
    }
    // Nothing to draw again where the winner does not look at the scores.
    expect(config.robustness?.draws).toBe(looksAtScores(config) ? 5 : undefined);
    if (config.robustness) expect(config.robustness.kept).toHaveLength(config.functions.length);
  });

  it('find the smallest file for a quality, measured or by noise', async () => {
    const noisy = await run({ quality: { noise: 0.5 } });
    const noise = noisy.config.functions.reduce((sum, f) => sum + f.noise![f.bits - 2], 0);
    expect(noise).toBeLessThanOrEqual(0.5 * 1.001);
    const { config } = await run({ quality: { kl: 0.05 } });
    expect((config.allocation.quality as { measured: number }).measured).toBeLessThanOrEqual(0.05);
    const { config: same } = await run({ quality: { agreement: 0.7 } });
    const [entry] = same.contest!.candidates;
    expect(entry.agreement).toBeGreaterThanOrEqual(0.7);
    expect(entry.bits).toEqual(same.functions.map((f) => f.bits));
    expect(same.allocation.quality).toEqual({ agreement: 0.7, measured: entry.agreement });
    expect(same.contest!.curve!.length).toBeGreaterThan(0);
    await expect(run({ quality: { sqnrDb: 200 } })).rejects.toThrow('No file reaches an SQNR of 200 dB');
  });
});

describe('a contest that is cancelled', () => {
  it('keeps the best so far', async () => {
    const abort = new AbortController();
    const { config } = await run(
      { contest: { rounding: 'nearest', searchSeconds: 600 } },
      {
        signal: abort.signal,
        onProgress: ({ stage }) => {
          if (stage === 'Trying swaps') abort.abort();
        },
      },
    );
    expect(config.contest!.stopped).toBe(true);
    expect(config.contest!.candidates.map((c) => c.name)).toContain(config.contest!.chosen);
  });
});
