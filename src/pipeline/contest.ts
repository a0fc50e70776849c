/** The contest that tells which allocation of a size is best on the user's own data. */
import type { Contest, ContestEntry } from '../config/config';
import { IMPROVED } from '../config/winner';
import { costOf } from '../core/allocation/divergence';
import { type Candidate, candidatesOf, type Material, type Noise } from '../core/allocation/objectives';
import { checkedTotals } from '../core/allocation/solution';
import { isAllowed, limitRows } from '../core/problem/limits';
import type { Allocation, AllocationProblem } from '../core/problem/problem';
import { CancelledError, type Engine, type RequestOptions } from '../engine/client';
import type { ContestReply, ContestRequest, Measured } from '../engine/protocol';
import { remembered, type Remembering } from './keptReplies';
import type { ContestSettings, ScoreSettings } from './settings';

export interface Decided {
  allocation: Allocation;
  contest: Contest;
  cached: boolean;
}

/** Of the samples that a contest asks for, how many are run for one that is for rounding. */
const TRIALS = 3;

/** Allocations to be rounded and run on inputs that neither scoring nor rounding has seen, without a search. */
export function contestRequest(
  { model, granularity, data, memoryLimit }: ScoreSettings,
  allocations: readonly Allocation[],
  rounding: ContestRequest['rounding'],
): ContestRequest {
  return {
    kind: 'contest',
    model,
    granularity,
    candidates: allocations.map(({ bits }) => bits),
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
export async function decide(
  engine: Engine,
  score: ScoreSettings,
  material: Material,
  noise: Noise,
  settings: ContestSettings,
  options: RequestOptions,
  memory: Omit<Remembering, 'signal'>,
): Promise<Decided> {
  const candidates = candidatesOf(material);
  const { problem } = material;
  const { rounding, searchSeconds } = settings;
  const request: ContestRequest = {
    ...contestRequest(
      score,
      candidates.map((c) => c.allocation),
      rounding,
    ),
    search: searchSeconds > 0 ? searchLimits(problem, noise, searchSeconds) : null,
  };
  const { reply, stopped, cached } = await salvaged(options, (listening) =>
    remembered(
      request,
      { ...memory, signal: options.signal },
      () => engine.request(request, listening),
      ({ complete }) => complete,
    ),
  );
  const run = candidates.flatMap((candidate, i) => {
    const measured = reply.results[i];
    return measured ? [{ candidate, measured }] : [];
  });
  const best = run.reduce((a, b) => (costOf(b.measured) < costOf(a.measured) ? b : a));
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
      chosen: chosen.name,
      candidates: entries,
    },
    cached,
  };
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

function entryOf({ name, objective, beta, allocation }: Candidate, measured: Measured): ContestEntry {
  const { bits, sizeBytes, averageBits } = allocation;
  const digits = (value: number | null): number | null =>
    value === null ? null : Number(value.toPrecision(4));
  return {
    name,
    objective,
    beta,
    bytes: sizeBytes,
    averageBits: Number(averageBits.toFixed(4)),
    kl: digits(measured.kl),
    agreement: digits(measured.agreement),
    sqnrDb: Number.isFinite(measured.sqnrDb) ? digits(measured.sqnrDb) : null,
    cost: Number(measured.cost.toPrecision(4)),
    bits,
  };
}

function searchLimits(
  problem: AllocationProblem,
  noise: Noise,
  seconds: number,
): NonNullable<ContestRequest['search']> {
  const { candidates, ties } = problem;
  const allowed = candidates.map((c) => c.choices.filter((choice) => isAllowed(problem, c, choice)));
  return {
    seconds,
    widths: allowed.map((choices) => choices.map(({ bits }) => bits)),
    ties,
    limits: limitRows(problem).map((row) => ({
      capacity: row.capacity,
      use: candidates.map((c, i) =>
        Object.fromEntries(allowed[i].map((choice) => [choice.bits, row.use(c, choice)])),
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
