import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Config, ConfigError, parseConfig, readConfig } from '../../../src/config/config';
import { lockedBits } from '../../../src/config/edit';
import { formatConfig, writeConfig } from '../../../src/config/format';

const config: Config = {
  version: 1,
  model: { file: 'net.onnx', sha256: 'a'.repeat(64), bytes: 4000 },
  calibration: { path: 'images', samples: 64, seed: 0, shapes: {}, preprocessing: { preset: 'cifar10' } },
  scoring: { granularity: 'layer', centered: true, decay: 'exp', beta: 1, provider: 'CPU, 2 threads' },
  allocation: {
    objective: 'orthogonality',
    budget: { averageBits: 4 },
    widths: [2, 4, 8],
    pin: { first: 8 },
  },
  functions: [
    {
      name: 'conv1',
      bits: 8,
      lock: false,
      layers: ['conv1'],
      params: 100,
      macs: 1,
      gamma: 1.5,
      importance: 1,
      bytes: 120,
    },
    {
      name: 'a long name',
      bits: 4,
      lock: true,
      layers: ['b', 'c'],
      params: 900,
      macs: null,
      gamma: 2,
      importance: 0.5,
      bytes: 470,
    },
  ],
  totals: { bytes: 600, budgetBytes: 700, fixedBytes: 10, averageBits: 4.4, params: 1000 },
  solver: { status: 'optimal', objective: 1, bound: 1, gap: 0, bits: [8, 4] },
};

describe('the config file', () => {
  it('is read back as it was written', () => {
    expect(parseConfig(formatConfig(config), 'x')).toEqual(config);
  });

  it('has one line per function, so that a change of bits is a one-line diff', () => {
    const before = formatConfig(config).split('\n');
    const changed = structuredClone(config);
    changed.functions[1].bits = 2;
    const after = formatConfig(changed).split('\n');
    expect(after.filter((line, i) => line !== before[i])).toHaveLength(1);
    expect(after).toHaveLength(before.length);
    expect(formatConfig(config)).toMatchSnapshot();
  });

  it('of an earlier version, with the time that the solver took, is read', () => {
    const old = formatConfig(config).replace('"gap": 0,', '"gap": 0,\n    "milliseconds": 2.5,');
    expect(parseConfig(old, 'x').solver).toMatchObject({ ...config.solver, milliseconds: 2.5 });
  });

  it('says in words where it is no JSON', () => {
    expect(() => parseConfig('{}\n}', 'x.json')).toThrow(
      'x.json is not valid JSON: line 2: end of file expected.',
    );
  });

  it('has a key order that does not depend on how it was built', () => {
    const { model, functions, ...rest } = config;
    expect(formatConfig({ functions, ...rest, model })).toBe(formatConfig(config));
  });

  it.each<[string, (c: Record<string, unknown>) => void, RegExp]>([
    [
      'bits that cannot be stored',
      (c) => ((c.functions as Config['functions'])[0].bits = 9 as 8),
      /functions\.0\.bits must be one of 2, 3/,
    ],
    ['an unknown key', (c) => (c.colour = 1), /unknown key "colour"/],
    ['a missing part', (c) => delete c.model, /required property 'model'/],
    ['another version', (c) => (c.version = 2), /version must be equal to constant/],
    ['two budgets', (c) => ((c.allocation as { budget: unknown }).budget = { bytes: 1, ratio: 2 }), /budget/],
    [
      'an average that is out of range',
      (c) => ((c.allocation as { budget: unknown }).budget = { averageBits: 99 }),
      /allocation\.budget\.averageBits must be <= 32/,
    ],
  ])('is refused with %s', (_, damage, message) => {
    const broken = structuredClone(config) as unknown as Record<string, unknown>;
    damage(broken);
    expect(() => parseConfig(JSON.stringify(broken), 'x.ompq.json')).toThrow(message);
    expect(() => parseConfig(JSON.stringify(broken), 'x.ompq.json')).toThrow(/^x\.ompq\.json/);
  });

  it('names the line of a syntax error', () => {
    expect(() => parseConfig('{\n"version": 1,\n oops }', 'x')).toThrow(/line 3/);
  });

  it('is refused when a function stands in it twice', () => {
    const twice = { ...config, functions: [config.functions[0], config.functions[0]] };
    expect(() => parseConfig(formatConfig(twice), 'x')).toThrow(/"conv1" twice/);
  });
});

describe('bits that a re-solve leaves alone', () => {
  it('are the locked ones and those edited since the solver ran', () => {
    expect(lockedBits(config)).toEqual({ 'a long name': 4 });
    const edited = structuredClone(config);
    edited.functions[0].bits = 2;
    expect(lockedBits(edited)).toEqual({ conv1: 2, 'a long name': 4 });
  });
});

describe('on disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ompq-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('replaces the old file in one step and leaves nothing else', async () => {
    const path = join(folder, 'net.ompq.json');
    await writeFile(path, 'old');
    await writeConfig(path, config);
    expect(await readFile(path, 'utf8')).toBe(formatConfig(config));
    expect(await readdir(folder)).toEqual(['net.ompq.json']);
    expect(await readConfig(path)).toEqual(config);
  });

  it('says which file is missing or cannot be written', async () => {
    const path = join(folder, 'no', 'net.ompq.json');
    await expect(readConfig(path)).rejects.toThrow(ConfigError);
    await expect(writeConfig(path, config)).rejects.toThrow(
      `Cannot write ${path}: its folder does not exist.`,
    );
  });
});
