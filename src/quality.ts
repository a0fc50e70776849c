/** The inverse question, where it takes measuring: the smallest file whose outputs are close enough to the float model's. */
import { allocateNoiseAware, smallestFile } from './core/noise';
import type { Allocation, AllocationProblem } from './core/problem';
import { SettingsError } from './core/buildProblem';
import { contestRequest } from './contest';
import type { Quality } from './config/types';
import type { Engine, RequestOptions } from './engine/client';
import type { ContestRequest, Measured } from './engine/protocol';
import { part } from './engine/progress';
import type { ScoreSettings } from './pipeline';

/** Sizes measured at a time; every round narrows the interval to one of so many parts. */
const SIZES = 6;
const ROUNDS = 2;

interface Point {
  allocation: Allocation;
  measured: Measured;
}

/**
 * Noise-aware allocations of several sizes are quantized and run, the interval in which the quality is reached is
 * divided again, and the smallest that reached it is the answer.
 * @param problem its first budget (the size that is looked for) is not looked at
 * @throws SettingsError where even the largest allocation is not good enough
 */
export async function smallestMeasured(
  engine: Engine,
  score: ScoreSettings,
  { budgets, ...problem }: AllocationProblem,
  quality: Exclude<Quality, { noise: number }>,
  rounding: ContestRequest['rounding'],
  options: RequestOptions,
): Promise<{ bytes: number; measured: number | undefined }> {
  const others = budgets.slice(1);
  const at = (bytes: number): Allocation =>
    allocateNoiseAware({ ...problem, budgets: [{ kind: 'bytes', bytes }, ...others] }, 'noise-aware');
  const measure = async (allocations: Allocation[], round: number): Promise<Point[]> => {
    const reply = await engine.request(
      contestRequest(score, allocations, rounding),
      part(options, round / ROUNDS, (round + 1) / ROUNDS),
    );
    return allocations.map((allocation, i) => ({ allocation, measured: reply.results[i]! }));
  };
  const sum = (pick: (...bytes: number[]) => number): number =>
    problem.candidates.reduce(
      (total, c) => total + pick(...c.choices.map(({ bytes }) => bytes)),
      problem.fixedBytes,
    );
  let low = smallestSize(problem, others);
  let high = at(sum(Math.max)).sizeBytes;
  let best: Point | null = null;
  for (let round = 0; round < ROUNDS && high > low; round++) {
    const sizes = Array.from({ length: SIZES }, (_, k) => Math.round(low + ((high - low) * (k + 1)) / SIZES));
    if (round === 0) sizes.unshift(low);
    const points = await measure(sizes.map(at), round);
    const reached = points.findIndex(({ measured }) => isReached(quality, measured));
    if (reached < 0) {
      if (best) break;
      throw new SettingsError(tooGood(quality, points[points.length - 1]));
    }
    best = points[reached];
    high = best.allocation.sizeBytes;
    low = reached > 0 ? points[reached - 1].allocation.sizeBytes : high;
  }
  best ??= (await measure([at(high)], 0))[0];
  if (!isReached(quality, best.measured)) throw new SettingsError(tooGood(quality, best));
  const measured = Number(valueOf(quality, best.measured).toPrecision(4));
  return { bytes: best.allocation.sizeBytes, measured: Number.isFinite(measured) ? measured : undefined };
}

/** The least that any allocation weighs within the other limits. */
function smallestSize(
  problem: Omit<AllocationProblem, 'budgets'>,
  budgets: AllocationProblem['budgets'],
): number {
  return smallestFile({ ...problem, budgets }).sizeBytes;
}

function valueOf(quality: Quality, { kl, sqnrDb }: Measured): number {
  if (!('kl' in quality)) return sqnrDb;
  if (kl === null) {
    throw new SettingsError(
      'The output of this network is no distribution: ask for SQNR instead of KL divergence.',
    );
  }
  return kl;
}

function isReached(quality: Exclude<Quality, { noise: number }>, measured: Measured): boolean {
  const value = valueOf(quality, measured);
  return 'kl' in quality ? value <= quality.kl : value >= quality.sqnrDb;
}

function tooGood(quality: Exclude<Quality, { noise: number }>, { allocation, measured }: Point): string {
  const value = Number(valueOf(quality, measured).toPrecision(3));
  const [asked, has] =
    'kl' in quality
      ? [`a KL divergence of ${quality.kl}`, `a KL divergence of ${value}`]
      : [`an SQNR of ${quality.sqnrDb} dB`, `an SQNR of ${value} dB`];
  return `No file reaches ${asked}: the largest (${allocation.averageBits.toFixed(2)} bits on average) has ${has}. Ask for less or allow wider widths.`;
}
