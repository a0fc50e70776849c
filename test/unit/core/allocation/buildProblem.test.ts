import { describe, expect, it } from 'vitest';
import {
  buildProblem,
  type ProblemSettings,
  SettingsError,
} from '../../../../src/core/allocation/buildProblem';

const functions = ['a', 'b', 'c', 'd'].map((name, i) => ({
  name,
  params: 100 * (i + 1),
  weight: 1 - i / 10,
  bytes: Object.fromEntries([2, 4, 8, 32].map((bits) => [bits, (bits * 100 * (i + 1)) / 8])),
}));
const settings: ProblemSettings = {
  widths: [8, 2, 4],
  pins: null,
  locks: {},
  ties: [],
  fixedBytes: 7,
  budget: { kind: 'averageBits', bits: 4 },
};
const bits = (over: Partial<ProblemSettings>) =>
  buildProblem(functions, { ...settings, ...over }).candidates.map((c) =>
    c.choices.map((x) => x.bits).join(),
  );

describe('buildProblem', () => {
  it('gives every free function the allowed widths by rising bits, with their bytes', () => {
    const problem = buildProblem(functions, settings);
    expect(problem.candidates[1]).toEqual({
      name: 'b',
      weight: 0.9,
      params: 200,
      choices: [
        { bits: 2, bytes: 50 },
        { bits: 4, bytes: 100 },
        { bits: 8, bytes: 200 },
      ],
    });
    expect(problem.fixedBytes).toBe(7);
  });

  it('pins the ends, also at a width outside the allowed ones', () => {
    expect(bits({ pins: { first: 32, last: 8 } })).toEqual(['32', '2,4,8', '2,4,8', '8']);
    expect(bits({ pins: { last: 4 } })[0]).toBe('2,4,8');
  });

  it('lets a lock win over a pin and says which of them fixed a function', () => {
    const problem = buildProblem(functions, {
      ...settings,
      pins: { first: 8, last: 8 },
      locks: { a: 2, b: 4 },
    });
    expect(problem.candidates.map((c) => c.fixedBy)).toEqual(['lock', 'lock', undefined, 'pin']);
    expect(problem.candidates[0].choices).toEqual([{ bits: 2, bytes: 25 }]);
  });

  it('hands a pin or lock on to tied functions', () => {
    expect(bits({ pins: { first: 8 }, ties: [[0, 2]] })).toEqual(['8', '2,4,8', '8', '2,4,8']);
    expect(bits({ pins: { first: 8 }, ties: [[0, 2]], locks: { c: 4 } })).toEqual([
      '4',
      '2,4,8',
      '4',
      '2,4,8',
    ]);
  });

  it('names the two functions whose locks contradict each other', () => {
    expect(() => bits({ ties: [[1, 2]], locks: { b: 4, c: 8 } })).toThrow(
      /"b" and "c" are tied to each other/,
    );
  });

  it('refuses an empty set of widths and a width that cannot be stored', () => {
    expect(() => bits({ widths: [] })).toThrow(SettingsError);
    expect(() => bits({ locks: { a: 3 } })).toThrow('"a" cannot be stored at 3 bits');
  });

  it('ignores locks of functions that do not exist, also of names that every object has', () => {
    expect(bits({ locks: { gone: 4 } })).toEqual(['2,4,8', '2,4,8', '2,4,8', '2,4,8']);
    const [named] = buildProblem([{ ...functions[0], name: 'constructor' }], settings).candidates;
    expect(named.choices.map((choice) => choice.bits)).toEqual([2, 4, 8]);
  });

  it('pins the only function of a network of one as the first', () => {
    const one = buildProblem([functions[0]], { ...settings, pins: { first: 8, last: 4 } });
    expect(one.candidates[0].choices.map((c) => c.bits)).toEqual([8]);
  });

  it('takes several limits, and the costs they need', () => {
    const measured = functions.map((f) => ({
      ...f,
      macs: 1000,
      noise: { 2: 0.3, 4: 0.02, 8: 0.0001, 32: 0 },
      milliseconds: { 2: 3, 4: 1, 8: 2, 32: 4 },
    }));
    const limits: ProblemSettings['budget'] = [
      { kind: 'bytes', bytes: 1000 },
      { kind: 'bops', bops: 1e6 },
    ];
    const problem = buildProblem(measured, {
      ...settings,
      budget: limits,
      activationBits: 8,
      locks: { b: 32 },
    });
    expect(problem.budgets).toEqual(limits);
    expect(problem.candidates[0].choices[1]).toEqual({
      bits: 4,
      bytes: 50,
      bops: 32_000,
      noise: 0.02,
      milliseconds: 1,
    });
    expect(problem.candidates[1].choices.map((c) => c.bits)).toEqual([32]);
    expect(problem.candidates[1].ifReleased?.map((c) => c.bits)).toEqual([2, 4, 8]);
  });
});
