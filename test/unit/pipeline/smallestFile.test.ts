/** The search for the smallest file, on a divergence that falls with the size, but not evenly. */
import { describe, expect, it } from 'vitest';
import { allocateNoiseAware } from '../../../src/core/allocation/noiseObjective';
import type { Allocation, AllocationProblem } from '../../../src/core/problem/problem';
import type { BitWidth } from '../../../src/core/problem/widths';
import type { Engine } from '../../../src/engine/client';
import type { ContestRequest } from '../../../src/engine/protocol';
import type { ScoreSettings } from '../../../src/pipeline/settings';
import { smallestMeasured } from '../../../src/pipeline/smallestFile';

const FUNCTIONS = 24;
const sensitivity = (i: number): number => 1 + ((i * 7) % FUNCTIONS);
const size = (i: number): number => 1000 * (1 + ((i * 5) % 9));

const problem: AllocationProblem = {
  candidates: Array.from({ length: FUNCTIONS }, (_, i) => ({
    name: `f${i}`,
    weight: 1,
    params: size(i),
    choices: ([2, 3, 4, 5, 6, 7, 8] as BitWidth[]).map((bits) => ({
      bits,
      bytes: (size(i) * bits) / 8,
      noise: sensitivity(i) * 4 ** -bits,
    })),
  })),
  ties: [],
  fixedBytes: 500,
  budgets: [{ kind: 'bytes', bytes: 1 }],
};

const roughness = (bits: readonly number[]): number =>
  1 + 0.15 * Math.sin(bits.reduce((sum, b, i) => sum + b * (i + 1), 0));
const divergence = (bits: readonly number[]): number =>
  bits.reduce((sum, b, i) => sum + sensitivity(i) * 4 ** -b, 0) * roughness(bits);

const at = (bytes: number): Allocation =>
  allocateNoiseAware({ ...problem, budgets: [{ kind: 'bytes', bytes }] }, 'noise-aware');

describe('the smallest file of a measured quality', () => {
  it.each([0.05, 0.3, 1.1, 2.5])('for a divergence of %s is close to the best of all sizes', async (kl) => {
    let runs = 0;
    const engine = {
      request: ({ points = [] }: ContestRequest) => {
        runs += points.length;
        const measured = points.map((bits) => ({ kl: divergence(bits), agreement: 1, sqnrDb: 0 }));
        return Promise.resolve({ points: measured });
      },
    } as unknown as Engine;
    const settings = { data: { samples: 1 } } as ScoreSettings;
    const { found } = await smallestMeasured(engine, settings, problem, { kl }, 'nearest', {});
    const bytes = found.allocation.sizeBytes;
    expect(divergence(at(bytes).bits)).toBeLessThanOrEqual(kl);
    const [low, high] = [at(30_000).sizeBytes, bytes];
    const sizes = Array.from({ length: 400 }, (_, k) => Math.round(low + ((high - low) * k) / 400));
    const smallest = sizes.map(at).find(({ bits }) => divergence(bits) <= kl);
    expect(bytes).toBeLessThanOrEqual(1.02 * (smallest?.sizeBytes ?? high));
    expect(runs).toBeLessThanOrEqual(32);
  });
});
