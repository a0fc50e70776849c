/** A config solved again from what it holds, without scoring. */
import { type PinCost, pinCost } from '../core/allocation/pins';
import type { BudgetSpec } from '../config/budget';
import { type Config, NOISE_WIDTHS } from '../config/config';
import { lockedBits, recount } from '../config/edit';
import type { LatencyTable } from '../config/latency';
import { checkNames } from '../config/names';
import { decidedBy, standsIn, winnerOf } from '../config/winner';
import { SettingsError } from '../core/allocation/buildProblem';
import { smallestFile } from '../core/allocation/noiseObjective';
import { allocateByObjective, type AllocationInputs, type Noise } from '../core/allocation/objectives';
import { checkedTotals, keepsLimits } from '../core/allocation/solution';
import type { Allocation } from '../core/problem/problem';
import type { BitWidth } from '../core/problem/widths';
import type { InspectReply } from '../engine/protocol';
import { certificate, given } from './newConfig';
import { allocationInputs } from './problem';
import { budgetBytes } from './sizes';

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
    ...given('activationBits', allocation.activationBits?.[i]),
    lock: f.name in locks,
  }));
  const totals = { ...config.totals, budgetBytes: budgetBytes(inspect, config.allocation.budget) };
  return recount({ ...config, functions, totals, solver: certificate(allocation) }, inspect.size);
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
  const inputs = materialOfConfig(config, inspect, locks);
  const solved = allocateByObjective(objective, inputs, winner?.beta);
  const { problem } = inputs;
  const isWon = allocation.objective === 'auto' && contest && winner;
  if (!isWon || !standsIn(contest, winner, solved.bits) || !keepsLimits(problem, winner.bits)) return solved;
  // Found by trying, and better than what any program answers to this problem.
  const solver = { ...solved.solver, status: 'feasible' as const };
  return { ...checkedTotals(problem, winner.bits), solver };
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

function latencyOfConfig({ functions, allocation }: Config): LatencyTable | undefined {
  if (!functions.every((f) => f.milliseconds)) return undefined;
  return {
    rest: allocation.restMilliseconds ?? 0,
    functions: Object.fromEntries(functions.map((f) => [f.name, f.milliseconds!])),
  };
}

/** null where one of the functions has none. */
function noiseOfConfig({ functions }: Config): Noise | null {
  if (!functions.every((f) => f.noise?.length === NOISE_WIDTHS.length)) return null;
  return functions.map((f) => Object.fromEntries(NOISE_WIDTHS.map((bits, i) => [bits, f.noise![i]])));
}
