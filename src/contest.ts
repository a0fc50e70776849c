/** The contest that tells which allocation of a size is best on the user's own data. */
import { remembered, type Remembering } from './cache/replies';
import type { Contest, ContestEntry } from './config/config';
import { costOf } from './core/divergence';
import { candidatesOf, type Candidate, type Material, type Noise } from './core/objectives';
import type { Allocation, AllocationProblem } from './core/problem';
import type { Engine, RequestOptions } from './engine/client';
import type { ContestReply, ContestRequest, Measured } from './engine/protocol';
import type { ScoreSettings } from './pipeline';

export interface ContestSettings {
  rounding: ContestRequest['rounding'];
  /** Time for the local search after the contest; 0: none. */
  searchSeconds: number;
}

export const QUICK_CONTEST: ContestSettings = { rounding: 'nearest', searchSeconds: 10 };

export interface Decided {
  allocation: Allocation;
  contest: Contest;
  cached: boolean;
}

/** Runs all candidates, then swaps bits while the measured divergence falls. */
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
  const { model, granularity, data, memoryLimit } = score;
  const request: ContestRequest = {
    kind: 'contest',
    model,
    granularity,
    candidates: candidates.map((c) => c.allocation.bits),
    rounding: settings.rounding,
    // As many again as scoring had: those are kept out of rounding and of scoring.
    data: { ...data, samples: 2 * data.samples },
    heldOut: data.samples,
    search: settings.searchSeconds > 0 ? searchLimits(problem, noise, settings.searchSeconds) : null,
    memoryLimit,
  };
  const { reply, cached } = await remembered(
    request,
    { ...memory, signal: options.signal },
    () => engine.request(request, options),
    ({ complete }) => complete,
  );
  const entries = candidates.map((c, i) => entryOf(c, reply.results[i]));
  const best = reply.results.reduce((b, m, i) => (costOf(m) < costOf(reply.results[b]) ? i : b), 0);
  let chosen = candidates[best];
  if (reply.improved) {
    const allocation = improvedAllocation(problem, reply.improved.bits, candidates);
    chosen = { ...chosen, name: `${chosen.name}, improved`, allocation };
    entries.push(entryOf(chosen, reply.improved));
  }
  return {
    allocation: chosen.allocation,
    contest: contestOf(reply, settings, chosen.name, entries),
    cached,
  };
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
    bits,
  };
}

function contestOf(
  { samples, heldOut }: ContestReply,
  { rounding }: ContestSettings,
  chosen: string,
  candidates: Contest['candidates'],
): Contest {
  return { rounding, samples, heldOut, chosen, candidates };
}

function searchLimits(
  problem: AllocationProblem,
  noise: Noise,
  seconds: number,
): NonNullable<ContestRequest['search']> {
  const { candidates, budgets, fixedBytes } = problem;
  const bytes = budgets.find((b) => b.kind === 'bytes');
  const average = budgets.find((b) => b.kind === 'averageBits');
  return {
    seconds,
    widths: candidates.map((c) => c.choices.map(({ bits }) => bits)),
    functionBytes: candidates.map((c) =>
      Object.fromEntries(c.choices.map(({ bits, bytes: size }) => [bits, size])),
    ),
    fixedBytes,
    params: candidates.map((c) => c.params),
    noise: noise.map((byWidth) => ({ ...byWidth })),
    bytes: bytes?.bytes ?? null,
    averageBits: average?.bits ?? null,
  };
}

/** Bits found by trying: within the limits, but nobody has proven anything about them but the bound on noise. */
function improvedAllocation(
  problem: AllocationProblem,
  bits: readonly number[],
  found: readonly Candidate[],
): Allocation {
  const { candidates, fixedBytes } = problem;
  const choices = candidates.map((c, i) => c.choices.findIndex((choice) => choice.bits === bits[i]));
  const chosen = candidates.map((c, i) => c.choices[choices[i]]);
  const params = candidates.reduce((sum, c) => sum + c.params, 0);
  const objective = chosen.reduce((sum, choice) => sum + (choice.noise ?? 0), 0);
  const bound = found.find(({ name }) => name === 'noise-aware')!.allocation.solver.bound;
  return {
    bits: chosen.map((choice) => choice.bits),
    choices,
    sizeBytes: chosen.reduce((sum, choice) => sum + choice.bytes, fixedBytes),
    averageBits:
      chosen.reduce((sum, choice, i) => sum + choice.bits * candidates[i].params, 0) / Math.max(1, params),
    solver: {
      status: 'feasible',
      objective,
      bound,
      gap: Math.abs(objective - bound) / Math.max(1e-300, Math.abs(objective)),
      milliseconds: 0,
    },
  };
}
