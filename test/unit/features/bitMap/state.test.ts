import { beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../../../src/cache/cache';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../../../src/config/config';
import { type Config } from '../../../../src/config/types';
import { formatConfig } from '../../../../src/config/format';
import { allocate } from '../../../../src/core/allocation/allocation';
import { importance } from '../../../../src/core/scoring/importance';
import type { BitWidth } from '../../../../src/core/problem/widths';
import type { InspectReply } from '../../../../src/engine/protocol';
import { OrmCache } from '../../../../src/features/bitMap/ormCache';
import { editedConfig, panelState, type PanelSources } from '../../../../src/features/bitMap/state';
import { planOf } from '../../../../webview/plan';
import { planProblem, weightsOf } from '../../../../webview/problem';
import type { PanelEdit } from '../../../../webview/protocol';
import { exampleConfig, exampleInspect } from './example';

let config: Config;
let inspect: InspectReply;
let sources: PanelSources;
beforeAll(() => {
  config = exampleConfig();
  inspect = exampleInspect(config);
  sources = {
    model: { uri: 'file:///m.onnx', name: 'm.onnx' },
    inspect,
    config: { uri: 'file:///m.ompq.json', name: 'm.ompq.json', dirty: false, value: config },
    score: null,
    evaluations: [],
    capabilities: ['quantize', 'write', 'export'],
    copyFormats: [{ id: 'brecq', label: 'BRECQ' }],
    warnings: [],
  };
});

describe('panelState', () => {
  it('shows the model alone where there is no config', () => {
    const state = panelState({ ...sources, config: null });
    expect(state).toMatchObject({ config: null, settings: null, scoring: null, capabilities: ['quantize'] });
    expect(state.functions.map((f) => f.bits)).toEqual([null, null, null, null]);
    expect(state.functions[1].bytes[4]).toBe(inspect.size.functionBytes[1][4]);
  });

  it('shows bits, locks and settings of the config', () => {
    const state = panelState(sources);
    expect(state.functions.map((f) => f.bits)).toEqual(config.functions.map((f) => f.bits));
    expect(state.settings).toMatchObject({
      budget: config.allocation.budget,
      widths: config.allocation.widths,
    });
    expect(state.warnings).toEqual([]);
    expect(state.capabilities).toContain('export');
  });

  it('takes bits that were edited by hand for locks', () => {
    const bits: BitWidth = config.functions[1].bits === 3 ? 5 : 3;
    const value = { ...config, functions: config.functions.map((f, i) => (i === 1 ? { ...f, bits } : f)) };
    const state = panelState({ ...sources, config: { ...sources.config!, value } });
    expect(state.functions.map((f) => f.locked)).toEqual([false, true, false, false]);
  });

  it('flags synthetic calibration', () => {
    const value = { ...config, calibration: { ...config.calibration, path: null } };
    expect(panelState({ ...sources, config: { ...sources.config!, value } }).scoring?.synthetic).toBe(true);
    expect(panelState(sources).scoring?.synthetic).toBe(false);
  });

  it('warns of a model that has changed, and does not trust a config of other functions', () => {
    const changed = panelState({ ...sources, inspect: { ...inspect, sha256: 'f'.repeat(64) } });
    expect(changed.warnings[0]).toContain('has changed');
    expect(changed.settings).not.toBeNull();
    const value = { ...config, functions: config.functions.slice(1) };
    const other = panelState({ ...sources, config: { ...sources.config!, value } });
    expect(other.warnings[0]).toContain('other functions');
    expect(other.settings).toBeNull();
    expect(other.capabilities).toEqual(['quantize']);
  });
});

describe('editedConfig', () => {
  /** What the page would send after its user changed the budget to `averageBits` and locked the third function. */
  function edit(averageBits: number): PanelEdit {
    const orm = new Float64Array(16).map((_, k) => (k % 5 === 0 ? 1 : 0.5 + (k % 3) / 10));
    const state = panelState({ ...sources, score: { orm, seconds: 1, data: '' } });
    const plan = {
      ...planOf(state)!,
      budget: { averageBits },
      locks: { [config.functions[2].name]: 2 as const },
    };
    const { weight } = weightsOf(state, plan)!;
    expect([...weight]).toEqual([...importance(orm, 4, { decay: plan.decay, beta: plan.beta }).weight]);
    const { bits, solver } = allocate(planProblem(state, plan, weight));
    const { locks, chosen, ...settings } = plan;
    return {
      settings,
      chosen,
      solver,
      functions: config.functions.map((f, i) => ({
        name: f.name,
        bits: bits[i],
        locked: f.name in locks,
        importance: weight[i],
      })),
    };
  }

  it('is a valid config that holds what the page showed, with totals that add up', () => {
    const wanted = edit(5);
    const text = formatConfig(editedConfig(config, wanted, inspect));
    const made = parseConfig(text, 'm.ompq.json');
    expect(made.functions.map((f) => f.bits)).toEqual(wanted.functions.map((f) => f.bits));
    expect(made.functions.map((f) => f.lock)).toEqual([false, false, true, false]);
    expect(made.solver.bits).toEqual(made.functions.map((f) => f.bits));
    expect(made.allocation.budget).toEqual({ averageBits: 5 });
    expect(made.totals.averageBits).toBeLessThanOrEqual(5);
    const bytes = made.functions.reduce((sum, f) => sum + f.bytes, made.totals.fixedBytes);
    expect(made.totals.bytes).toBe(bytes);
    expect(made.totals.bytes).toBeLessThanOrEqual(made.totals.budgetBytes);
    expect(made.calibration).toEqual(config.calibration);
  });

  it('comes back to the page as the plan that was written', () => {
    const wanted = edit(5);
    const value = parseConfig(formatConfig(editedConfig(config, wanted, inspect)), 'm.ompq.json');
    const plan = planOf(panelState({ ...sources, config: { ...sources.config!, value } }));
    expect(plan).toEqual({ ...wanted.settings, chosen: null, locks: { [config.functions[2].name]: 2 } });
  });
});

describe('OrmCache', () => {
  it('finds the matrix by a config that was written and read again, whatever its bits and budget', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ompq-orm-'));
    const cache = new OrmCache(new Cache(folder));
    const orm = Float64Array.from({ length: 16 }, (_, i) => i / 16);
    await cache.keep(config, { orm, seconds: 2.5, data: '64 images' });
    const read = parseConfig(formatConfig(config), 'm.ompq.json');
    read.allocation.budget = { ratio: 9 };
    read.functions[0].bits = 2;
    read.scoring.beta = 7;
    expect(await cache.find(read)).toEqual({ orm, seconds: 2.5, data: '64 images' });
    expect(await cache.find({ ...read, calibration: { ...read.calibration, seed: 1 } })).toBeNull();
    expect(await cache.find({ ...read, scoring: { ...read.scoring, centered: false } })).toBeNull();
    await rm(folder, { recursive: true });
  });
});
