/** Groups of scales beside the width: what the integer program makes of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../../src/common/random';
import { bitsOf, groupOf, storageCode } from '../../../../src/common/storageCode';
import { InfeasibleBudgetError } from '../../../../src/core/allocation/allocation';
import { buildProblem, type SizedFunction } from '../../../../src/core/allocation/buildProblem';
import { allocateNoiseAware } from '../../../../src/core/allocation/noiseObjective';
import { allocateByObjective } from '../../../../src/core/allocation/objectives';
import { codesOf } from '../../../../src/core/allocation/solution';
import type { Budget } from '../../../../src/core/problem/problem';

const widths = [2, 3, 4, 8] as const;
const groups = [32, 64, 128];

/** Bytes and noise of every pair; functions without groups have those of the widths alone. */
function functionOf(seed: number, name: string, grouped: boolean): SizedFunction {
  const next = mulberry32(seed);
  const params = 1024 * (1 + Math.floor(8 * next()));
  const level = Math.exp(2 * next());
  const gain = 0.3 + 0.6 * next();
  const bytes: Record<number, number> = {};
  const noise: Record<number, number> = {};
  for (const bits of widths) {
    for (const group of grouped ? [0, ...groups] : [0]) {
      const code = storageCode(bits, group);
      bytes[code] = (params * bits) / 8 + 64 + (group > 0 ? (4 * params) / group : 0);
      noise[code] = level * 4 ** -bits * (group > 0 ? gain * (1 + group / 256) : 1) * (1 + 0.1 * next());
    }
  }
  return { name, params, weight: 1, bytes, noise };
}

const functionsOf = (seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => functionOf(seed + i, `f${i}`, i % 3 !== 1));

describe('groups of scales', () => {
  it('are chosen beside the width as trying every pair does, tied functions alike', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.boolean(),
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, isAverage, isTied, share) => {
          const functions = functionsOf(seed, 3);
          const params = functions.reduce((sum, f) => sum + f.params, 0);
          const all = functions.map((f) => Object.keys(f.bytes).map(Number));
          const least = functions.reduce((sum, f) => sum + Math.min(...Object.values(f.bytes)), 0);
          const most = functions.reduce((sum, f) => sum + Math.max(...Object.values(f.bytes)), 0);
          const budget: Budget = isAverage
            ? { kind: 'averageBits', bits: Math.round(20 + 60 * share) / 10 }
            : { kind: 'bytes', bytes: Math.floor(least - 50 + share * (most - least + 100)) };
          const ties = isTied ? [[0, 2]] : [];
          const asked = functions.map((f) => ({ ...f, groups }));
          const problem = buildProblem(asked, {
            widths: [...widths],
            pins: null,
            locks: {},
            ties,
            fixedBytes: 0,
            budget,
          });
          let best = Infinity;
          for (const a of all[0]) {
            for (const b of all[1]) {
              for (const c of all[2]) {
                const codes = [a, b, c];
                if (isTied && a !== c) continue;
                const use = (of: (f: SizedFunction, code: number) => number) =>
                  functions.reduce((sum, f, i) => sum + of(f, codes[i]), 0);
                // Scales beyond one an output count in an average, too.
                const fits =
                  budget.kind === 'bytes'
                    ? use((f, code) => f.bytes[code]) <= budget.bytes
                    : use(
                        (f, code) => f.params * bitsOf(code) + 8 * (f.bytes[code] - f.bytes[bitsOf(code)]),
                      ) <= Math.floor((params * Math.round(10 * (budget as { bits: number }).bits)) / 10);
                if (fits)
                  best = Math.min(
                    best,
                    use((f, code) => f.noise![code]),
                  );
              }
            }
          }
          try {
            const answer = allocateNoiseAware(problem, 'noise-aware');
            const codes = codesOf(answer);
            expect(answer.solver.objective / best).toBeCloseTo(1, 9);
            expect(functions.reduce((sum, f, i) => sum + f.noise![codes[i]], 0) / best).toBeCloseTo(1, 9);
            expect(groupOf(codes[1])).toBe(0);
            if (isTied) expect(codes[0]).toBe(codes[2]);
          } catch (error) {
            if (!(error instanceof InfeasibleBudgetError)) throw error;
            expect(best).toBe(Infinity);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are not for objectives that do not see noise, nor for the uniform width', () => {
    const functions = functionsOf(5, 6).map((f) => ({ ...f, groups }));
    const budget = { kind: 'averageBits' as const, bits: 4 };
    const problem = buildProblem(functions, {
      widths: [...widths],
      pins: null,
      locks: {},
      ties: [],
      fixedBytes: 0,
      budget,
    });
    const inputs = { problem, gamma: new Float64Array(6), scoring: { decay: 'exp' as const, beta: 1 } };
    expect(allocateByObjective('uniform', inputs).groups).toBeUndefined();
    expect(allocateByObjective('uniform', inputs).bits).toEqual([4, 4, 4, 4, 4, 4]);
    expect(allocateByObjective('orthogonality', inputs).groups).toBeUndefined();
  });
});
