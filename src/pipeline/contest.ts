/** The contest that tells which allocation of a size is best on the user's own data. */
import { roundedUp } from '../common/sizes';
import type { Contest, ContestEntry, MeasuredSize } from '../config/config';
import type { MeasuredFile, Question } from '../config/measured';
import { IMPROVED } from '../config/winner';
import { costOf } from '../core/allocation/divergence';
import { InfeasibleBudgetError } from '../core/allocation/infeasible';
import { allocateNoiseAware } from '../core/allocation/noiseObjective';
import {
  type AllocationInputs,
  type Candidate,
  candidatesOf,
  type Noise,
} from '../core/allocation/objectives';
import { checkedTotals, codeOf, codesOf } from '../core/allocation/solution';
import { isAllowed, limitRows } from '../core/problem/limits';
import type { Allocation, AllocationProblem } from '../core/problem/problem';
import { CancelledError, type Engine, type RequestOptions } from '../engine/client';
import type { ContestReply, ContestRequest, Measured } from '../engine/protocol';
import { remembered } from './keptReplies';
import type { ContestSettings, Scored, ScoreOptions, ScoreSettings } from './settings';

/** Of the samples that a contest asks for, how many are run for one that is for rounding. */
const TRIALS = 2;

/** Allocations to be rounded and run on inputs that neither scoring nor rounding has seen, all of them, without a search. */
export function contestRequest(
  { model, granularity, data, memoryLimit }: ScoreSettings,
  points: readonly Allocation[],
  rounding: ContestRequest['rounding'],
): ContestRequest {
  return {
    kind: 'contest',
    model,
    granularity,
    candidates: [],
    points: points.map(codesOf),
    rounding,
    // The first are those that were scored.
    data: { ...data, samples: (1 + TRIALS) * data.samples },
    rounded: data.samples,
    search: null,
    memoryLimit,
  };
}

/**
 * Runs all candidates, then swaps bits while the measured divergence falls. Cancelled once a candidate has been run, it
 * answers with the best so far.
 */
export async function decideByContest(
  engine: Engine,
  { settings: scoring, inspect }: Scored,
  inputs: AllocationInputs,
  noise: Noise,
  settings: ContestSettings & { asked: Question },
  options: ScoreOptions,
): Promise<{ allocation: Allocation; contest: Contest; cached: boolean }> {
  const candidates = candidatesOf(inputs);
  const { problem } = inputs;
  const points = otherSizes(problem, candidates.find(({ name }) => name === 'noise-aware')!.allocation);
  const { rounding, searchSeconds, asked } = settings;
  const request: ContestRequest = {
    ...contestRequest(scoring, points, rounding),
    candidates: candidates.map((c) => codesOf(c.allocation)),
    search: searchSeconds > 0 ? searchLimits(problem, noise, searchSeconds) : null,
  };
  const { reply, stopped, cached } = await salvaged(options, (listening) =>
    remembered(
      request,
      { cache: options.cache, sha256: inspect.sha256, signal: options.signal },
      () => engine.request(request, listening),
      ({ complete }) => complete,
    ),
  );
  const run = candidates.flatMap((candidate, i) => {
    const measured = reply.results[i];
    return measured ? [{ candidate, measured }] : [];
  });
  // One that was given up as clearly worse has been run on too few inputs to be compared.
  const isCut = ({ measured }: (typeof run)[number]): boolean => measured.samples !== undefined;
  const best = run.reduce((a, b) =>
    isCut(a) || (!isCut(b) && costOf(b.measured) < costOf(a.measured)) ? b : a,
  );
  const entries = run.map(({ candidate, measured }) => entryOf(candidate, measured));
  let chosen = best.candidate;
  if (reply.improved) {
    const allocation = improvedAllocation(problem, reply.improved.bits, candidates);
    chosen = { ...chosen, name: `${chosen.name}${IMPROVED}`, allocation };
    entries.push(entryOf(chosen, reply.improved));
  }
  return {
    allocation: chosen.allocation,
    contest: {
      rounding: settings.rounding,
      samples: reply.samples,
      heldOut: reply.heldOut,
      ...(stopped ? { stopped: true } : {}),
      asked,
      chosen: chosen.name,
      candidates: entries,
      ...curveOf(points, reply.points ?? []),
    },
    cached,
  };
}

/** Sizes that are run beside the one asked for, as shares of it. */
const SIZES = [0.8, 0.9, 1.15, 1.3];

/** Noise-aware allocations of other sizes, within the other limits; those that there are. */
function otherSizes(problem: AllocationProblem, at: Allocation): Allocation[] {
  const found = new Map([[codesOf(at).join(), null as Allocation | null]]);
  for (const share of SIZES) {
    const budget = { kind: 'bytes' as const, bytes: Math.round(share * at.sizeBytes) };
    try {
      const other = { ...problem, budgets: [budget, ...problem.budgets.slice(1)] };
      const allocation = allocateNoiseAware(other, 'noise-aware');
      const key = codesOf(allocation).join();
      if (!found.has(key)) found.set(key, allocation);
    } catch (error) {
      if (!(error instanceof InfeasibleBudgetError)) throw error;
    }
  }
  return [...found.values()].filter((each) => each !== null);
}

function curveOf(
  points: readonly Allocation[],
  measured: readonly (Measured | null)[],
): Pick<Contest, 'curve'> {
  const curve = points.flatMap((point, i) => {
    const found = measured[i];
    return found ? [fileOf(point, found)] : [];
  });
  return curve.length > 0 ? { curve } : {};
}

/** The reply, or what the engine had found when it was cancelled. @throws CancelledError where that is nothing */
async function salvaged(
  options: RequestOptions,
  ask: (options: RequestOptions) => Promise<{ reply: ContestReply; cached: boolean }>,
): Promise<{ reply: ContestReply; cached: boolean; stopped: boolean }> {
  const latest: { partial?: ContestReply } = {};
  try {
    const onProgress: RequestOptions['onProgress'] = (progress) => {
      if (progress.partial) latest.partial = progress.partial;
      options.onProgress?.(progress);
    };
    return { ...(await ask({ ...options, onProgress })), stopped: false };
  } catch (error) {
    if (!(error instanceof CancelledError) || !latest.partial) throw error;
    return { reply: latest.partial, cached: false, stopped: true };
  }
}

/** What a config keeps of a file of another size. */
export function fileOf({ sizeBytes, averageBits }: Allocation, measured: Measured): MeasuredFile {
  return { bytes: sizeBytes, averageBits: Number(averageBits.toFixed(4)), ...digitsOf(measured) };
}

export function entryOf({ name, objective, beta, allocation }: Candidate, measured: Measured): ContestEntry {
  const { bits, groups, sizeBytes, averageBits } = allocation;
  return {
    name,
    objective,
    beta,
    bytes: sizeBytes,
    averageBits: roundedUp(averageBits, 4),
    ...digitsOf(measured),
    bits,
    ...(groups ? { groups } : {}),
    ...(measured.samples === undefined ? {} : { samples: measured.samples }),
  };
}

/** What a config keeps of it. */
function digitsOf({ kl, agreement, sqnrDb, cost }: Measured): MeasuredSize {
  const digits = (value: number | null): number | null =>
    value === null ? null : Number(value.toPrecision(4));
  return {
    kl: digits(kl),
    agreement: digits(agreement),
    sqnrDb: Number.isFinite(sqnrDb) ? digits(sqnrDb) : null,
    cost: Number(cost.toPrecision(4)),
  };
}

function searchLimits(
  problem: AllocationProblem,
  noise: Noise,
  seconds: number,
): NonNullable<ContestRequest['search']> {
  const { candidates, ties } = problem;
  const allowed = candidates.map((c) =>
    c.choices.filter((choice) => isAllowed(problem, c, choice)).sort((a, b) => a.bytes - b.bytes),
  );
  return {
    seconds,
    widths: allowed.map((choices) => choices.map(codeOf)),
    ties,
    limits: limitRows(problem).map((row) => ({
      capacity: row.capacity,
      use: candidates.map((c, i) =>
        Object.fromEntries(allowed[i].map((choice) => [codeOf(choice), row.use(c, choice)])),
      ),
    })),
    noise: noise.map((byWidth) => ({ ...byWidth })),
  };
}

/** Bits found by trying: checked like a solver's, but nobody has proven anything about them but the bound on noise. */
function improvedAllocation(
  problem: AllocationProblem,
  bits: readonly number[],
  found: readonly Candidate[],
): Allocation {
  const totals = checkedTotals(problem, bits);
  const objective = problem.candidates.reduce(
    (sum, c, i) => sum + (c.choices[totals.choices[i]].noise ?? 0),
    0,
  );
  const bound = found.find(({ name }) => name === 'noise-aware')!.allocation.solver.bound;
  return {
    ...totals,
    solver: {
      status: 'feasible',
      objective,
      bound,
      gap: Math.abs(objective - bound) / Math.max(1e-300, Math.abs(objective)),
      milliseconds: 0,
    },
  };
}
