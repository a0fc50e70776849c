import { describe, expect, it } from 'vitest';
import { allocate } from '../../../../src/core/allocation/allocation';
import { buildProblem, type SizedFunction } from '../../../../src/core/allocation/buildProblem';
import { infeasibleBudget } from '../../../../src/core/allocation/infeasible';
import { decidedPins, type PinnedEnds, pinCost } from '../../../../src/core/allocation/pins';
import type { Budget } from '../../../../src/core/problem/problem';
import { BIT_WIDTHS, type BitWidth } from '../../../../src/core/problem/widths';

const AUTO: PinnedEnds = { first: 'auto', last: 'auto' };

function sized(name: string, params: number): SizedFunction {
  const bytes = Object.fromEntries(BIT_WIDTHS.map((bits) => [bits, (params * bits) / 8]));
  return { name, params, weight: 1, bytes };
}

/** A small first function, two in the middle, and a last one of the size given. */
function problem(last: number, budget: Budget, pins: PinnedEnds = AUTO, ties: number[][] = []) {
  const functions = [sized('stem', 400), sized('a', 20_000), sized('b', 20_000), sized('head', last)];
  const widths: BitWidth[] = [2, 3, 4, 5, 6, 7, 8];
  return buildProblem(functions, { widths, pins, locks: {}, ties, fixedBytes: 0, budget });
}

const widthsOf = ({ candidates }: ReturnType<typeof problem>) =>
  candidates.map(({ choices }) => choices.map(({ bits }) => bits).join());

describe('automatic pins', () => {
  it('hold an end at 8 bits where that takes at most a twentieth of the weight bytes of the budget', () => {
    const cheap = problem(400, { kind: 'averageBits', bits: 4 });
    expect(widthsOf(cheap)).toEqual(['8', '2,3,4,5,6,7,8', '2,3,4,5,6,7,8', '8']);
    expect(cheap.candidates.map(({ fixedBy }) => fixedBy)).toEqual(['pin', undefined, undefined, 'pin']);
  });

  it('leave a large end to the search, from 4 bits on', () => {
    const large = problem(15_000, { kind: 'averageBits', bits: 4 });
    expect(widthsOf(large)).toEqual(['8', '2,3,4,5,6,7,8', '2,3,4,5,6,7,8', '4,5,6,7,8']);
    expect(large.candidates[3].fixedBy).toBeUndefined();
    // Of less than that, from what the budget leaves on average on.
    for (const [bits, least] of [
      [3.5, 4],
      [3.43, 3],
      [2.5, 3],
      [2.4, 2],
    ]) {
      const lean = problem(15_000, { kind: 'averageBits', bits });
      expect(lean.candidates[3].choices[0].bits).toBe(least);
    }
    // A twentieth exactly: 8 of 160 weights' bytes at 8 bits of 160 bytes.
    const border = [sized('a', 8), sized('b', 152)];
    const settings = { widths: [2, 4, 8] as BitWidth[], locks: {}, ties: [], fixedBytes: 0 };
    const at = (bytes: number) =>
      buildProblem(border, { ...settings, pins: { first: 'auto' }, budget: { kind: 'bytes', bytes } });
    expect(at(160).candidates[0].choices.length).toBe(1);
    expect(at(159).candidates[0].choices.map(({ bits }) => bits)).toEqual([4, 8]);
  });

  it('count what is tied to an end, and give it the same floor', () => {
    const tied = problem(400, { kind: 'averageBits', bits: 4 }, AUTO, [[1, 3]]);
    expect(widthsOf(tied)).toEqual(['8', '4,5,6,7,8', '2,3,4,5,6,7,8', '4,5,6,7,8']);
  });

  it('never make a budget infeasible: pins become floors, and floors go', () => {
    // A floor of 3 costs 2 + 15,000 / 55,400 = 2.27 bits.
    for (const bits of [2.55, 2.5, 2.3, 2]) {
      const tight = problem(15_000, { kind: 'averageBits', bits });
      expect(allocate(tight).averageBits).toBeLessThanOrEqual(bits);
    }
    const infeasible = infeasibleBudget(problem(15_000, { kind: 'averageBits', bits: 1.9 }));
    expect(infeasible.message).toMatch(/the least possible is 2 bits on average\. Raise the limit/);
  });

  it('leave pins by hand alone, and the message names the options that help', () => {
    const asked = problem(15_000, { kind: 'averageBits', bits: 3 }, { first: 'auto', last: 8 });
    expect(widthsOf(asked)[3]).toBe('8');
    expect(infeasibleBudget(asked).message).toMatch(
      /Releasing head \(pinned at 8 bits\) .* which is enough\. Give --no-pin or, for example, --pin last=4 \(in VS Code/,
    );
    expect(widthsOf(problem(15_000, { kind: 'averageBits', bits: 4 }, { last: 4 }))[0]).toBe('2,3,4,5,6,7,8');
  });

  it('can be fixed as decided', () => {
    const cheap = problem(15_000, { kind: 'averageBits', bits: 4 });
    expect(decidedPins(cheap, AUTO)).toEqual({ first: 8 });
    expect(decidedPins(cheap, { first: 4 })).toEqual({ first: 4 });
  });
});

describe('the cost of pins', () => {
  it('is their bytes, their share and what is left for the others', () => {
    const pinned = problem(20_000, { kind: 'averageBits', bits: 5 }, { last: 8 });
    expect(pinCost(pinned, [2, 3, 4, 8])).toEqual({
      pinned: [3],
      bytes: 20_000,
      share: 20_000 / (100 + 7_500 + 10_000 + 20_000),
      pinnedBits: 8,
      otherBits: (800 + 60_000 + 80_000) / 40_400,
    });
    expect(pinCost(problem(20_000, { kind: 'averageBits', bits: 5 }, {}), [2, 3, 4, 8])).toBeNull();
  });
});
