import { describe, expect, it } from 'vitest';
import { parseLatencyTable, timesOf } from '../../../src/config/latency';
import { allBudgets, formatLimit, LIMIT_KINDS, parseLimit } from '../../../src/config/limits';
import { limitUse } from '../../../src/config/limitUse';
import type { Config } from '../../../src/config/types';
import { resolveRules, resolveTies, type Named } from '../../../src/config/rules';

const named = (name: string, op = 'MatMul'): Named => ({ name, op, layers: [{ node: name, op }] });
const blocks = [
  '/b.0/attn/q_proj',
  '/b.0/attn/k_proj',
  '/b.0/mlp/up',
  '/b.1/attn/q_proj',
  '/b.1/attn/k_proj',
];
const functions = [...blocks.map((name) => named(name)), named('/head', 'Gemm')];

describe('rules', () => {
  it('match names of any depth, nodes and operators; a later one beats an earlier one', () => {
    const rules = { '*/attn/*': 8, 'op:gemm': [4, 8], '*k_proj': 6 } as const;
    expect(resolveRules(functions, { ...rules, 'op:gemm': [8, 4] })).toEqual({
      '/b.0/attn/q_proj': [8],
      '/b.0/attn/k_proj': [6],
      '/b.1/attn/q_proj': [8],
      '/b.1/attn/k_proj': [6],
      '/head': [4, 8],
    });
    const two = {
      name: 'f',
      op: 'Conv',
      layers: [
        { node: 'f', op: 'Conv' },
        { node: 'down[0]', op: 'Conv' },
      ],
    };
    expect(resolveRules([two], { 'down[0]': 4 })).toEqual({ f: [4] });
  });

  it('that match nothing are named, with what there is', () => {
    expect(() => resolveRules(functions, { '*/conv*': 8 })).toThrow(
      'No function matches the rule "*/conv*"; the first names are /b.0/attn/q_proj,',
    );
    expect(() => resolveRules(functions, { 'op:Conv': 8 })).toThrow('the operators are MatMul, Gemm.');
  });
});

describe('ties', () => {
  it('put everything that matches together, or by what stands in the parentheses, beside those of the file', () => {
    expect(resolveTies(functions, [[2, 5]], [['*q_proj', '*k_proj']])).toEqual([
      [2, 5],
      [0, 1, 3, 4],
    ]);
    expect(resolveTies(functions, [], [['(*)/q_proj', '(*)/k_proj']])).toEqual([
      [0, 1],
      [3, 4],
    ]);
    expect(() => resolveTies(functions, [], [['*q_proj', '*v_proj']])).toThrow('the tie "*v_proj"');
  });
});

describe('limits', () => {
  it('are read as people write them, and written so that they can be read', () => {
    expect(parseLimit('bops', '2G')).toBe(2e9);
    expect(parseLimit('bops', '1.5 TBOPs')).toBe(1.5e12);
    expect(parseLimit('milliseconds', '800us')).toBeCloseTo(0.8, 12);
    expect(parseLimit('milliseconds', '0.1 s')).toBe(100);
    expect(parseLimit('activationBytes', '2MB')).toBe(2e6);
    expect(parseLimit('noise', '0.3')).toBe(0.3);
    for (const kind of LIMIT_KINDS) {
      for (const wrong of ['', 'x', '-1', '0', '5 parsecs']) expect(parseLimit(kind, wrong)).toBeNull();
    }
    for (const [kind, value] of [
      ['bytes', 1.5e6],
      ['bops', 2e9],
      ['milliseconds', 0.8],
      ['milliseconds', 5],
      ['milliseconds', 2500],
      ['averageBits', 3.5],
      ['noise', 0.25],
    ] as const) {
      expect(parseLimit(kind, formatLimit(kind, value))).toBe(value);
    }
    expect(formatLimit('milliseconds', 1000)).toBe('1 s');
  });

  it('come after the budget', () => {
    expect(allBudgets({ ratio: 8 }, { bops: 5, milliseconds: 2 }, 800)).toEqual([
      { kind: 'bytes', bytes: 100 },
      { kind: 'bops', bops: 5 },
      { kind: 'latency', milliseconds: 2 },
    ]);
  });
});

describe('a table of run times', () => {
  const csv = 'function,bits,milliseconds\n/head,8,0.5\n"/head",32,2\n/b.0/attn/q_proj,4,1\nrest,,0.25\n';

  it('is read from CSV and JSON alike', () => {
    const table = parseLatencyTable(csv, 't.csv');
    expect(table).toEqual({
      rest: 0.25,
      functions: { '/head': { 8: 0.5, 32: 2 }, '/b.0/attn/q_proj': { 4: 1 } },
    });
    expect(parseLatencyTable(JSON.stringify(table), 't.json')).toEqual(table);
  });

  it('gives a width that it lacks the time of the next wider one', () => {
    const [times] = timesOf([functions[5]], parseLatencyTable(csv, 't.csv'));
    expect([times[2], times[8], times[16], times[32]]).toEqual([0.5, 0.5, 2, 2]);
    const [narrow] = timesOf([functions[0]], parseLatencyTable(csv, 't.csv'));
    expect(narrow[8]).toBeUndefined();
  });

  it('that is none is refused in one sentence', () => {
    expect(() => timesOf([functions[1]], parseLatencyTable(csv, 't.csv'))).toThrow(
      'has neither "/b.0/attn/k_proj"',
    );
    expect(() => parseLatencyTable('{', 't.json')).toThrow('t.json is not valid JSON');
    expect(() => parseLatencyTable('{}', 't.json')).toThrow('t.json has no table of times');
    expect(() => parseLatencyTable('a,b\n', 't.csv')).toThrow('its first line must be');
    expect(() => parseLatencyTable('function,bits,milliseconds\nx,9,1\n', 't.csv')).toThrow('"x" at 9 bits');
    expect(() => parseLatencyTable('function,bits,milliseconds\nx,8,fast\n', 't.csv')).toThrow(
      't.csv, line 2,',
    );
  });
});

describe('what bits use of their limits', () => {
  const each = { lock: false, layers: [], gamma: 0, importance: 1, bytes: 0, params: 10 };
  const config = (limits: Config['allocation']['limits']) =>
    ({
      allocation: {
        objective: 'noise-aware',
        budget: { ratio: 1 },
        widths: [],
        pin: null,
        limits,
        activationBits: 8,
      },
      functions: [
        { ...each, name: 'a', bits: 4, bytes: 200, macs: 100, noise: [6, 5, 4, 3, 2, 1, 0] },
        {
          ...each,
          name: 'b',
          bits: 8,
          bytes: 300,
          macs: 50,
          noise: [6, 5, 4, 3, 2, 1, 0.5],
          activationBits: 6,
          activationNoise: { 6: 0.25 },
        },
      ],
      totals: { bytes: 500, budgetBytes: 0, fixedBytes: 0, averageBits: 6, params: 20 },
    }) as unknown as Config;

  it('counts each with the bits of the activations that a function has, else with those of all', () => {
    const limits = { bytes: 400, averageBits: 7, bops: 1, activationBytes: 80, noise: 5 };
    const used = Object.fromEntries(
      limitUse(config(limits), [100, 99]).map(({ kind, used }) => [kind, used]),
    );
    expect(used).toEqual({
      bytes: 500,
      averageBits: 6,
      bops: 100 * 4 * 8 + 50 * 8 * 6,
      // 100 bytes at 8 bits; 99 at 6 bits are fewer.
      activationBytes: 100,
      noise: 4 + 0.5 + 0.25,
    });
  });

  it('says nothing of activation memory where sizes are open', () => {
    expect(limitUse(config({ activationBytes: 80 }))).toEqual([]);
    expect(limitUse(config({ activationBytes: 80 }), [100, null])).toEqual([]);
  });
});
