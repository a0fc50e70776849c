/** The inverse question, where it takes measuring: the smallest file whose outputs are close enough to the float model's. */
import { formatAverage } from '../common/sizes';
import { listed } from '../common/words';
import { type BudgetSpec, solverBudget } from '../config/budget';
import type { Limits } from '../config/limits';
import { questionOf } from '../config/measured';
import { isReached, qualityIn, qualityWords } from '../config/quality';
import type { Contest, MeasuredQuality } from '../config/types';
import { SettingsError } from '../core/allocation/buildProblem';
import { amount, infeasible, type InfeasibleBudgetError, limitOf } from '../core/allocation/infeasible';
import { allocateNoiseAware, smallestFile } from '../core/allocation/noiseObjective';
import { decidedPins } from '../core/allocation/pins';
import type { Allocation, AllocationProblem, Budget } from '../core/problem/problem';
import type { Engine, RequestOptions } from '../engine/client';
import { part } from '../engine/progress';
import type { ContestRequest, Measured } from '../engine/protocol';
import { contestRequest, entryOf, fileOf } from './contest';
import { allocationInputs } from './problem';
import type { Measurements, Scored, ScoreSettings } from './settings';
import type { Settled } from './settled';

/** Sizes measured at a time; every round narrows the interval to one of so many parts. */
const SIZES = 6;
const ROUNDS = 4;

/** Of the size: where the interval is narrow enough, and how far below it is looked once more. */
const NARROW = 0.01;
const BELOW = 0.03;

/** Of the size: measured files that are nearer to each other than this are told as one. */
const APART = 0.05;

interface Point {
  allocation: Allocation;
  measured: Measured;
}

export interface Smallest {
  found: Point;
  /** As asked for; undefined: the outputs are identical, which has no number. */
  value: number | undefined;
  /** Every other file that was measured. */
  others: Point[];
  samples: number;
  heldOut: boolean;
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
): Promise<Smallest> {
  const others = budgets.slice(1);
  const at = (bytes: number, limits = others): Allocation =>
    allocateNoiseAware({ ...problem, budgets: [{ kind: 'bytes', bytes }, ...limits] }, 'noise-aware');
  const known = new Map<string, Point>();
  const held = { samples: 0, heldOut: false };
  const measure = async (allocations: Allocation[], round: number): Promise<Point[]> => {
    const fresh = new Map(allocations.map((each) => [keyOf(each), each]));
    for (const key of known.keys()) fresh.delete(key);
    if (fresh.size > 0) {
      const { points, samples, heldOut } = await engine.request(
        contestRequest(score, [...fresh.values()], rounding),
        part(options, round / (ROUNDS + 1), (round + 1) / (ROUNDS + 1)),
      );
      Object.assign(held, { samples, heldOut });
      [...fresh].forEach(([key, allocation], i) => known.set(key, { allocation, measured: points![i]! }));
    }
    return allocations.map((allocation) => known.get(keyOf(allocation))!);
  };
  const reached = ({ measured }: Point): boolean => isReached(quality, valueOf(quality, measured));
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
  const value = Number(valueOf(quality, found.measured).toPrecision(4));
  return {
    found,
    value: Number.isFinite(value) ? value : undefined,
    others: [...known.values()].filter((point) => point !== found),
    ...held,
  };
}

function keyOf({ bits }: Allocation): string {
  return bits.join();
}

/** So many sizes at even distances, the last of them `high`. */
function between(low: number, high: number): number[] {
  return Array.from({ length: SIZES }, (_, k) => Math.round(low + ((high - low) * (k + 1)) / SIZES));
}

function valueOf(quality: MeasuredQuality, measured: Measured): number {
  const value = qualityIn(quality, measured);
  if (value === null) {
    throw new SettingsError(
      'No output of this network looks like scores of classes: ask for SQNR instead of KL divergence or same answers, or say which output has them with --output NAME=classes.',
    );
  }
  return value;
}

/** @param conflict the limits without which the quality is reached; none: it is out of reach anyway */
function unreachable(
  problem: AllocationProblem,
  quality: MeasuredQuality,
  { allocation, measured }: Point,
  conflict: Budget[],
): InfeasibleBudgetError {
  const value = Number(valueOf(quality, measured).toPrecision(3));
  const [asked, has] = [qualityWords(quality), qualityWords(quality, value)];
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

/**
 * Where a quality is asked for, the settings with the smallest size at which it is reached as budget; where that took
 * measuring, what was measured, too.
 */
export async function smallestFor(
  engine: Engine,
  measured: Scored & Measurements,
  asked: Settled,
  options: RequestOptions,
): Promise<{ settings: Settled; contest?: Contest }> {
  const { quality } = asked;
  if (!quality) return { settings: asked };
  const settings = { ...asked, pin: decidedPins(allocationInputs(measured, asked).problem, asked.pin) };
  const { rounding } = settings.contest;
  const limits = { ...settings.limits, ...limitOfBudget(settings.budget, measured.inspect.bytes) };
  if ('noise' in quality) {
    const limited = { ...settings, limits: { ...limits, noise: quality.noise } };
    const { problem } = allocationInputs(measured, limited);
    const smallest = smallestFile({ ...problem, budgets: problem.budgets.slice(1) });
    return { settings: { ...limited, budget: { bytes: smallest.sizeBytes } } };
  }
  const limited = { ...settings, limits };
  const { problem } = allocationInputs(measured, limited);
  const smallest = await smallestMeasured(engine, measured.settings, problem, quality, rounding, options);
  const { found, value } = smallest;
  const final = {
    ...limited,
    budget: { bytes: found.allocation.sizeBytes },
    quality: { ...quality, measured: value },
  };
  return { settings: final, contest: contestOf(smallest, final) };
}

/** The measurements of the search as a contest of one candidate, with the other sizes as its curve. */
function contestOf({ found, others, samples, heldOut }: Smallest, settings: Settled): Contest {
  const name = 'noise-aware';
  const apart: Point[] = [found];
  for (const point of others) {
    const { sizeBytes } = point.allocation;
    const isNear = apart.some((each) => Math.abs(each.allocation.sizeBytes / sizeBytes - 1) < APART);
    if (!isNear) apart.push(point);
  }
  const curve = apart.slice(1).map(({ allocation, measured }) => fileOf(allocation, measured));
  return {
    rounding: settings.contest.rounding,
    samples,
    heldOut,
    asked: questionOf(settings),
    chosen: name,
    candidates: [entryOf({ name, objective: name, allocation: found.allocation }, found.measured)],
    ...(curve.length > 0 ? { curve: curve.sort((a, b) => a.bytes - b.bytes) } : {}),
  };
}

/** A budget as the limit that it is where the size is the answer; the float model's own size is none. */
function limitOfBudget(budget: BudgetSpec, modelBytes: number): Limits {
  if ('ratio' in budget && budget.ratio === 1) return {};
  const limit = solverBudget(budget, modelBytes);
  return limit.kind === 'bytes' ? { bytes: limit.bytes } : { averageBits: limit.bits };
}
