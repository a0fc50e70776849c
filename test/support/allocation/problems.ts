/** Allocation problems for tests: random, adversarial, and shaped like real networks. */
import fc from 'fast-check';
import { mulberry32 } from '../../../src/common/random';
import type { AllocationProblem, Budget, Choice, Width } from '../../../src/core/problem/problem';
import type { BitWidth } from '../../../src/core/problem/widths';

/** Time for the solver that only a hang uses up. */
export const AMPLE = { timeLimit: 600_000 };

const ALL: BitWidth[] = [2, 3, 4, 5, 6, 7, 8];
/** Bytes of the nodes that unpack a function, roughly as the bit-plane form has them: not linear in the bits. */
const OVERHEAD: Record<number, number> = {
  2: 170,
  3: 290,
  4: 170,
  5: 290,
  6: 290,
  7: 410,
  8: 60,
  16: 20,
  32: 0,
};

export function sized(name: string, params: number, weight: number, widths: BitWidth[] = ALL): Width {
  return {
    name,
    params,
    weight,
    choices: widths.map((bits) => ({ bits, bytes: Math.ceil((params * bits) / 8) + OVERHEAD[bits] })),
  };
}

export type Shape = 'spread' | 'similar' | 'equal' | 'proportional' | 'huge ratios';
export const SHAPES: Shape[] = ['spread', 'similar', 'equal', 'proportional', 'huge ratios'];

/** L functions, seven widths, one limit on the size that allows about `averageBits`. */
export function networkLike(
  functions: number,
  shape: Shape,
  averageBits: number,
  seed = 1,
): AllocationProblem {
  const next = mulberry32(seed * 7919 + functions);
  const candidates = Array.from({ length: functions }, (_, i) => {
    const params = shape === 'equal' ? 36_864 : 9 * Math.round(Math.exp(4 + 9 * next()));
    const weights: Record<Shape, number> = {
      spread: Math.exp(-3 * next()),
      similar: 1 - 0.01 * next(),
      equal: 1,
      proportional: params / 1e5,
      'huge ratios': 10 ** (-15 * next()),
    };
    const candidate = sized(`f${i}`, params, weights[shape]);
    // In the subset-sum like shape value is exactly proportional to bytes, so that no bound ever cuts anything off.
    if (shape === 'proportional') for (const choice of candidate.choices) choice.bytes = params * choice.bits;
    return candidate;
  });
  const bytesAt = (bits: number): number =>
    candidates.reduce((sum, c) => sum + (c.choices.find((choice) => choice.bits === bits)?.bytes ?? 0), 0);
  const low = Math.floor(averageBits);
  const bytes = Math.floor(bytesAt(low) + (averageBits - low) * (bytesAt(low + 1) - bytesAt(low)));
  return { candidates, ties: [], fixedBytes: 1000, budgets: [{ kind: 'bytes', bytes: bytes + 1000 }] };
}

/** Small problems of every kind, for comparison with brute force: feasible and infeasible, any sign of weight. */
export const smallProblems: fc.Arbitrary<AllocationProblem> = fc
  .record({
    functions: fc.array(
      fc.record({
        weight: fc.oneof(
          fc.constantFrom(0, 1, -1, 1e-9, 1e9),
          fc.integer({ min: -20, max: 100 }).map((v) => v / 10),
        ),
        params: fc.oneof(fc.constantFrom(0, 1, 64), fc.integer({ min: 1, max: 3000 })),
        widths: fc.constantFrom<BitWidth[]>([2, 4, 8], [4, 5, 6, 7, 8], [2, 3], [8], [2, 16, 32], [3, 6, 32]),
        bumps: fc.array(fc.nat(400), { minLength: 5, maxLength: 5 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    tied: fc.boolean(),
    fixedBytes: fc.nat(500),
    level: fc.double({ min: 1, max: 20, noNaN: true }),
    kind: fc.constantFrom<'bytes' | 'averageBits'>('bytes', 'averageBits'),
  })
  .map(({ functions, tied, fixedBytes, level, kind }) => {
    const candidates = functions.map(({ weight, params, widths, bumps }, i): Width => ({
      name: `f${i}`,
      weight,
      params,
      choices: widths.map((bits, k) => ({ bits, bytes: Math.ceil((params * bits) / 8) + bumps[k] })),
    }));
    const params = candidates.reduce((sum, c) => sum + c.params, 0);
    const bits = Math.round(level * 4) / 4;
    const last = candidates.length - 1;
    const canTie = tied && last > 0;
    if (canTie) candidates[last].choices = candidates[0].choices.map((c) => ({ ...c, bytes: c.bytes + 17 }));
    return {
      candidates,
      ties: canTie ? [[0, last]] : [],
      fixedBytes,
      budgets: [
        kind === 'bytes'
          ? { kind, bytes: Math.round((params * level) / 8) + 150 * candidates.length + fixedBytes }
          : { kind, bits },
      ],
    };
  });

/** The same with up to four more limits of every kind, at random between the least and the most. */
export const severalLimits: fc.Arbitrary<AllocationProblem> = fc
  .tuple(
    smallProblems,
    fc.integer(),
    fc.uniqueArray(fc.constantFrom('bytes', 'averageBits', 'bops', 'latency', 'activationBytes'), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([problem, seed, kinds]) => {
    const next = mulberry32(seed);
    for (const candidate of problem.candidates) {
      const macs = Math.floor(next() * 1e6);
      for (const choice of candidate.choices) {
        choice.bops = macs * choice.bits * 8;
        // Not monotonous in the bits: some widths are slow.
        choice.milliseconds = next() * 3;
        choice.activationBytes = Math.floor(next() * 1000);
      }
    }
    const last = problem.candidates.length - 1;
    if (problem.ties.length > 0)
      problem.candidates[last].choices.forEach((choice) => (choice.activationBytes = 0));
    const between = (cost: (choice: Choice) => number): number => {
      const all = problem.candidates.map((c) => c.choices.map(cost));
      const [least, most] = [Math.min, Math.max].map((pick) =>
        all.reduce((sum, costs) => sum + pick(...costs), 0),
      );
      return least + (most - least) * (0.1 + 0.8 * next());
    };
    const params = problem.candidates.reduce((sum, c) => sum + c.params, 0);
    const budgets = kinds.map((kind): Budget => {
      switch (kind) {
        case 'bytes':
          return { kind, bytes: problem.fixedBytes + Math.floor(between((c) => c.bytes)) };
        case 'averageBits':
          return {
            kind,
            bits: Math.round(between((c) => c.bits) / problem.candidates.length) + (params > 0 ? 0.5 : 0),
          };
        case 'bops':
          return { kind, bops: Math.floor(between((c) => c.bops ?? 0)) + 77 };
        case 'latency':
          return { kind, milliseconds: between((c) => c.milliseconds ?? 0) + 0.5 };
        case 'activationBytes':
          return { kind, bytes: 700 + Math.floor(next() * 300) };
      }
    });
    return { ...problem, fixedMilliseconds: 0.5, budgets };
  });

/** `networkLike` with limits on BOPs and run time as well. */
export function withMoreLimits(
  problem: AllocationProblem,
  kinds: Budget['kind'][],
  seed = 5,
): AllocationProblem {
  const next = mulberry32(seed);
  for (const candidate of problem.candidates) {
    const macs = candidate.params * Math.ceil(1000 * next() ** 3);
    const float = 0.01 + macs * 1e-6 * next();
    for (const choice of candidate.choices) {
      choice.bops = macs * choice.bits * 8;
      choice.milliseconds =
        float * (choice.bits <= 4 ? 0.6 : 0.8) + (choice.bits === 8 ? 0 : 0.05 * float * next());
    }
  }
  const at = (bits: number, cost: (choice: Choice) => number): number =>
    problem.candidates.reduce(
      (sum, c) => sum + cost(c.choices.find((choice) => choice.bits === bits) ?? c.choices[0]),
      0,
    );
  const more = kinds.flatMap((kind): Budget[] => {
    if (kind === 'bops')
      return [{ kind, bops: Math.floor((at(3, (c) => c.bops ?? 0) + at(5, (c) => c.bops ?? 0)) / 2) }];
    const milliseconds = (at(4, (c) => c.milliseconds ?? 0) + at(8, (c) => c.milliseconds ?? 0)) / 2;
    return kind === 'latency' ? [{ kind, milliseconds }] : [];
  });
  return { ...problem, budgets: [...problem.budgets, ...more] };
}
