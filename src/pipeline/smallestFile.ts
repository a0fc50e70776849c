/** The inverse question, where it takes measuring: the smallest file whose outputs are close enough to the float model's. */
import { formatAverage } from '../common/sizes';
import { listed } from '../common/words';
import { type BudgetSpec, solverBudget } from '../config/budget';
import type { Limits } from '../config/limits';
import type { Quality } from '../config/types';
import { SettingsError } from '../core/allocation/buildProblem';
import { amount, infeasible, type InfeasibleBudgetError, limitOf } from '../core/allocation/infeasible';
import { allocateNoiseAware, smallestFile } from '../core/allocation/noiseObjective';
import { decidedPins } from '../core/allocation/pins';
import type { Allocation, AllocationProblem, Budget } from '../core/problem/problem';
import type { Engine, RequestOptions } from '../engine/client';
import { part } from '../engine/progress';
import type { ContestRequest, Measured } from '../engine/protocol';
import { contestRequest } from './contest';
import { allocationInputs } from './problem';
import type { Measurements, Scored, ScoreSettings } from './settings';
import type { Settled } from './settled';

type MeasuredQuality = Exclude<Quality, { noise: number }>;

/** Sizes measured at a time; every round narrows the interval to one of so many parts. */
const SIZES = 6;
const ROUNDS = 4;

/** Of the size: where the interval is narrow enough, and how far below it is looked once more. */
const NARROW = 0.01;
const BELOW = 0.03;

interface Point {
  allocation: Allocation;
  measured: Measured;
}

/**
 * Noise-aware allocations of several sizes are quantized and run, the interval in which the quality is reached is
 * divided again, and the smallest that reached it is the answer. What is measured does not fall evenly with the size:
 * the sizes just below the interval have the last word.
 * @param problem its first budget (the size that is looked for) is not looked at; the others hold
 * @throws InfeasibleBudgetError where even the largest allocation is not good enough
 */
export async function smallestMeasured(
  engine: Engine,
  score: ScoreSettings,
  { budgets, ...problem }: AllocationProblem,
  quality: MeasuredQuality,
  rounding: ContestRequest['rounding'],
  options: RequestOptions,
): Promise<{ bytes: number; measured: number | undefined }> {
  const others = budgets.slice(1);
  const at = (bytes: number, limits = others): Allocation =>
    allocateNoiseAware({ ...problem, budgets: [{ kind: 'bytes', bytes }, ...limits] }, 'noise-aware');
  const known = new Map<string, Measured>();
  const measure = async (allocations: Allocation[], round: number): Promise<Point[]> => {
    const fresh = new Map(allocations.map((each) => [keyOf(each), each]));
    for (const key of known.keys()) fresh.delete(key);
    if (fresh.size > 0) {
      const { results } = await engine.request(
        contestRequest(score, [...fresh.values()], rounding),
        part(options, round / (ROUNDS + 1), (round + 1) / (ROUNDS + 1)),
      );
      [...fresh.keys()].forEach((key, i) => known.set(key, results[i]!));
    }
    return allocations.map((allocation) => ({ allocation, measured: known.get(keyOf(allocation))! }));
  };
  const reached = ({ measured }: Point): boolean => isReached(quality, measured);
  const largest = problem.candidates.reduce(
    (total, c) => total + Math.max(...c.choices.map(({ bytes }) => bytes)),
    problem.fixedBytes,
  );
  const floor = smallestFile({ ...problem, budgets: others }).sizeBytes;
  let low = floor;
  let high = at(largest).sizeBytes;
  let best: Point | undefined;
  for (let round = 0; round < ROUNDS && (!best || high - low > NARROW * high); round++) {
    const points = await measure(
      [low, ...between(low, high)].map((bytes) => at(bytes)),
      round,
    );
    const first = points.findIndex(reached);
    if (first < 0) {
      if (best) break;
      const [unlimited] = await measure([at(largest, [])], ROUNDS);
      const within = { ...problem, budgets: others };
      throw reached(unlimited)
        ? unreachable(within, quality, points.at(-1)!, others)
        : unreachable(within, quality, unlimited, []);
    }
    best = points[first];
    high = best.allocation.sizeBytes;
    low = first > 0 ? points[first - 1].allocation.sizeBytes : high;
  }
  const below = between(Math.max(floor, Math.round(low * (1 - BELOW))), low).map((bytes) => at(bytes));
  const found = (await measure(below, ROUNDS)).find(reached) ?? best!;
  const measured = Number(valueOf(quality, found.measured).toPrecision(4));
  return { bytes: found.allocation.sizeBytes, measured: Number.isFinite(measured) ? measured : undefined };
}

function keyOf({ bits }: Allocation): string {
  return bits.join();
}

/** So many sizes at even distances, the last of them `high`. */
function between(low: number, high: number): number[] {
  return Array.from({ length: SIZES }, (_, k) => Math.round(low + ((high - low) * (k + 1)) / SIZES));
}

function valueOf(quality: MeasuredQuality, { kl, sqnrDb }: Measured): number {
  if (!('kl' in quality)) return sqnrDb;
  if (kl === null) {
    throw new SettingsError(
      'No output of this network looks like scores of classes: ask for SQNR instead of KL divergence, or say which output has them with --output NAME=classes.',
    );
  }
  return kl;
}

function isReached(quality: MeasuredQuality, measured: Measured): boolean {
  const value = valueOf(quality, measured);
  return 'kl' in quality ? value <= quality.kl : value >= quality.sqnrDb;
}

/** @param conflict the limits without which the quality is reached; none: it is out of reach anyway */
function unreachable(
  problem: AllocationProblem,
  quality: MeasuredQuality,
  { allocation, measured }: Point,
  conflict: Budget[],
): InfeasibleBudgetError {
  const value = Number(valueOf(quality, measured).toPrecision(3));
  const [asked, has] =
    'kl' in quality
      ? [`a KL divergence of ${quality.kl}`, `a KL divergence of ${value}`]
      : [`an SQNR of ${quality.sqnrDb} dB`, `an SQNR of ${value} dB`];
  const average = `${formatAverage(allocation.averageBits)} bits on average`;
  const together = listed([...conflict.map((budget) => amount(budget.kind, limitOf(budget))), asked]);
  return infeasible(
    problem,
    conflict.length > 0
      ? `No allocation keeps ${together} together, although each alone can be kept: the best within the limits (${average}) has ${has}. Relax one of these limits.`
      : `No file reaches ${asked}: the largest (${average}) has ${has}. Ask for less or allow wider widths.`,
    conflict,
  );
}

/** Where a quality is asked for, the settings with the smallest size at which it is reached as budget. */
export async function smallestFor(
  engine: Engine,
  measured: Scored & Measurements,
  asked: Settled,
  options: RequestOptions,
): Promise<Settled> {
  const { quality } = asked;
  if (!quality) return asked;
  const settings = { ...asked, pin: decidedPins(allocationInputs(measured, asked).problem, asked.pin) };
  const { rounding } = settings.contest;
  const limits = { ...settings.limits, ...limitOfBudget(settings.budget, measured.inspect.bytes) };
  if ('noise' in quality) {
    const limited = { ...settings, limits: { ...limits, noise: quality.noise } };
    const { problem } = allocationInputs(measured, limited);
    const smallest = smallestFile({ ...problem, budgets: problem.budgets.slice(1) });
    return { ...limited, budget: { bytes: smallest.sizeBytes } };
  }
  const limited = { ...settings, limits };
  const { problem } = allocationInputs(measured, limited);
  const found = await smallestMeasured(engine, measured.settings, problem, quality, rounding, options);
  return { ...limited, budget: { bytes: found.bytes }, quality: { ...quality, measured: found.measured } };
}

/** A budget as the limit that it is where the size is the answer; the float model's own size is none. */
function limitOfBudget(budget: BudgetSpec, modelBytes: number): Limits {
  if ('ratio' in budget && budget.ratio === 1) return {};
  const limit = solverBudget(budget, modelBytes);
  return limit.kind === 'bytes' ? { bytes: limit.bytes } : { averageBits: limit.bits };
}
