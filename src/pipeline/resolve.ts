/** A config solved again from what it holds, without scoring. */
import { type PinCost, pinCost } from '../core/allocation/pins';
import { budgetBytes } from './sizes';
import { allocationInputs } from './problem';
import type { BudgetSpec } from '../config/budget';
import { type Config } from '../config/types';
import { lockedBits, recount } from '../config/edit';
import type { LatencyTable } from '../config/latency';
import { sameBits } from '../config/measured';
import { noiseByWidth } from '../config/noise';
import { checkNames } from '../config/names';
import { decidedBy, winnerOf, withWinner } from '../config/winner';
import { SettingsError } from '../core/allocation/buildProblem';
import { smallestFile } from '../core/allocation/noiseObjective';
import { allocateByObjective, type AllocationInputs, type Noise } from '../core/allocation/objectives';
import type { Allocation } from '../core/problem/problem';
import type { BitWidth } from '../core/problem/widths';
import type { InspectReply } from '../engine/protocol';
import { certificate, given } from './newConfig';

/**
 * The config solved again from the importance it holds, without scoring: its locks and edited bits stay.
 * @throws SettingsError when the model is not the one that was scored; InfeasibleBudgetError
 */
export function resolveConfig(config: Config, inspect: InspectReply): Config {
  if (inspect.sha256 !== config.model.sha256) {
    throw new SettingsError(
      `${config.model.file} has changed since it was scored; run "Quantize with OMPQ" again.`,
    );
  }
  checkNames('The config', ...namesOf(config, inspect));
  const locks = lockedBits(config);
  const budget = budgetAgain(config, inspect, locks);
  config = { ...config, allocation: { ...config.allocation, budget } };
  const allocation = solveAgain(config, inspect, locks);
  const functions = config.functions.map((f, i) => ({
    ...f,
    bits: allocation.bits[i],
    group: allocation.groups?.[i] || undefined,
    ...given('activationBits', allocation.activationBits?.[i]),
    lock: f.name in locks,
  }));
  const totals = { ...config.totals, budgetBytes: budgetBytes(inspect, config.allocation.budget) };
  const solver = steady(certificate(allocation), config.solver);
  return recount({ ...config, functions, totals, solver }, inspect.size);
}

/** The record of the same answer stays as it is: neither time nor the last digits of rounded inputs are a change. */
function steady(found: Config['solver'], before: Config['solver']): Config['solver'] {
  const isSame =
    sameBits(found.bits, before.bits) &&
    found.status === before.status &&
    Math.abs(found.objective - before.objective) <= 1e-6 * Math.abs(before.objective);
  return isSame ? before : found;
}

/** Of the functions: the config's, and those that the model has. */
export function namesOf(config: Config, { network }: InspectReply): [string[], string[]] {
  return [config.functions.map((f) => f.name), network.functions.map((f) => f.name)];
}

/** Where the budget was the answer to a limit on noise, which asks for no measuring, it is answered again. */
function budgetAgain(config: Config, inspect: InspectReply, locks: Record<string, BitWidth>): BudgetSpec {
  const { quality, budget } = config.allocation;
  if (!quality || !('noise' in quality)) return budget;
  const { problem } = materialOfConfig(config, inspect, locks);
  return { bytes: smallestFile({ ...problem, budgets: problem.budgets.slice(1) }).sizeBytes };
}

/** By the objective that made the config; for 'auto' by the one that won its contest. */
function solveAgain(config: Config, inspect: InspectReply, locks: Record<string, BitWidth>): Allocation {
  const { allocation, contest } = config;
  const winner = winnerOf(contest);
  const objective = decidedBy(config);
  const material = materialOfConfig(config, inspect, locks);
  const solved = allocateByObjective(objective, material, winner?.beta);
  if (allocation.objective !== 'auto' || !contest || !winner) return solved;
  return withWinner(solved, material, { contest, winner, asked: allocation });
}

/** What the pins of a config take, and what that leaves for the rest; null where nothing is pinned. */
export function pinCostOf(config: Config, inspect: InspectReply): PinCost | null {
  const { problem } = materialOfConfig(config, inspect);
  return pinCost(
    problem,
    config.functions.map((f) => f.bits),
  );
}

/** What it takes to solve a config again, from what it holds. */
export function materialOfConfig(
  config: Config,
  inspect: InspectReply,
  locks: Record<string, BitWidth> = lockedBits(config),
): AllocationInputs {
  const { allocation, scoring, functions } = config;
  return allocationInputs(
    {
      inspect,
      gamma: Float64Array.from(functions, (f) => f.gamma),
      weight: Float64Array.from(functions, (f) => f.importance),
      noise: noiseOfConfig(config),
      activationNoise: functions.every((f) => f.activationNoise)
        ? functions.map((f) => f.activationNoise!)
        : undefined,
      scoring,
    },
    { ...allocation, locks, latency: latencyOfConfig(config) },
  );
}

export function latencyOfConfig({ functions, allocation }: Config): LatencyTable | undefined {
  if (!functions.every((f) => f.milliseconds)) return undefined;
  return {
    rest: allocation.restMilliseconds ?? 0,
    functions: Object.fromEntries(functions.map((f) => [f.name, f.milliseconds!])),
  };
}

/** null where one of the functions has none. */
function noiseOfConfig({ functions }: Config): Noise | null {
  const noise = functions.map(noiseByWidth);
  return noise.every((each) => each !== null) ? noise : null;
}
