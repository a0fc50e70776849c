/** Noise of each function, and allocations compared by running them: without labels, on samples kept out of rounding. */
import { costOf } from '../../../core/allocation/divergence';
import { LEAST_GAIN, searchSwaps } from '../../../core/allocation/localSearch';
import { isLower } from '../../../core/allocation/paired';
import type { ContestReply, ContestRequest, Measured, SearchLimits } from '../../protocol';
import type { Job } from '../job/job';
import { isComplete, mean, type Trial } from '../evaluate/outputTrials';
import { CandidateTrials, withBlocks } from './trials';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function contest(request: ContestRequest, job: Job): Promise<ContestReply> {
  const start = performance.now();
  const activations = request.rounding === 'reconstruct' ? 2 : 1;
  const choices = request.data.outputs ?? {};
  return withBlocks(request, activations, choices, job, async (opened, all) => {
    const { warnings } = opened;
    const trials = new CandidateTrials(request, opened, all, job);
    const results: (Measured | null)[] = request.candidates.map(() => null);
    const points: (Measured | null)[] = (request.points ?? []).map(() => null);
    const reply = (improved: ContestReply['improved']): ContestReply => {
      const { samples, heldOut } = trials;
      const seconds = (performance.now() - start) / 1000;
      return {
        results: [...results],
        points: [...points],
        improved,
        samples,
        heldOut,
        complete: all.complete,
        seconds,
        warnings,
      };
    };
    let best: Best | null = null;
    for (const [i, bits] of request.candidates.entries()) {
      job.progress(...compared(i, request));
      const trial: Trial = await trials.measure(bits, best?.trial);
      if (best === null || (isComplete(trial) && costOf(trial.all) < costOf(best.trial.all)))
        best = { bits, trial };
      results[i] = trial.all;
      job.partial(reply(null));
    }
    for (const [i, bits] of (request.points ?? []).entries()) {
      job.progress(...compared(request.candidates.length + i, request));
      points[i] = (await trials.measure(bits)).all;
      job.partial(reply(null));
    }
    const { search } = request;
    const improved =
      search && best ? await improve(trials, best, search, job, (found) => job.partial(reply(found))) : null;
    job.progress('Comparing allocations', 1);
    return reply(improved);
  });
}

interface Best {
  bits: readonly number[];
  trial: Trial;
}

/** What the progress bar shows once so many allocations have been run; a search takes its last third. */
function compared(done: number, { candidates, points = [], search }: ContestRequest): [string, number] {
  const all = candidates.length + points.length;
  return [`Comparing allocations (${done + 1} of ${all})`, 0.1 + (done / all) * (search ? 0.5 : 0.9)];
}

/**
 * Swaps are found on one half of the samples and believed where the other half agrees: on the few samples that made it
 * look good, nearly any swap is an improvement.
 */
async function improve(
  trials: CandidateTrials,
  { bits: best, trial: held }: Best,
  limits: SearchLimits,
  job: Job,
  onFound: (found: Measured & { bits: number[] }) => void,
): Promise<ContestReply['improved']> {
  let current = held;
  let found: ContestReply['improved'] = null;
  const from = performance.now();
  const elapsed = (): number => (performance.now() - from) / 1000 / limits.seconds;
  await searchSwaps({
    bits: best,
    cost: mean(trials.searchHalf(current.costs)),
    widths: limits.widths.map((allowed, i) => trials.widthsTried(i, allowed)),
    ties: limits.ties,
    fits: (bits) => fits(bits, limits),
    estimate: (i, a, b) => (limits.noise[i][b] ?? 0) - (limits.noise[i][a] ?? 0),
    measure: async (bits) => {
      if (elapsed() >= 1) return null;
      job.progress('Trying swaps', 0.6 + 0.4 * Math.min(1, elapsed()));
      const seen = trials.searchHalf(current.costs);
      const most = mean(seen) * (1 - LEAST_GAIN);
      const cost = await trials.searchCost(bits, most, seen.length);
      if (!(cost < most)) return cost;
      const trial = await trials.measure(bits);
      const isBelieved = isLower(trials.validationHalf(trial.costs), trials.validationHalf(current.costs));
      if (costOf(trial.all) >= costOf(current.all) || !isBelieved) return Infinity;
      current = trial;
      found = { ...trial.all, bits: [...bits] };
      onFound(found);
      return cost;
    },
  });
  return found;
}

function fits(bits: readonly number[], { limits }: SearchLimits): boolean {
  return limits.every(
    ({ capacity, use }) => bits.reduce((sum, width, i) => sum + use[i][width], 0) <= capacity,
  );
}
