/** From what was measured and what is asked to the problem that the solvers answer. */
import { timesOf } from '../config/latency';
import { allBudgets } from '../config/limits';
import { suggestion } from '../config/names';
import { type Named, resolveRules, resolveTies } from '../config/rules';
import { buildProblem, SettingsError } from '../core/allocation/buildProblem';
import { infeasibleBudget } from '../core/allocation/infeasible';
import type { AllocationInputs, Noise } from '../core/allocation/objectives';
import { canBeKept } from '../core/allocation/pins';
import type { AllocationProblem, Budget } from '../core/problem/problem';
import type { InspectReply } from '../engine/protocol';
import type { AllocationSettings, Measurements } from './settings';

/** @throws SettingsError for a lock of a function that does not exist */
export function allocationInputs(
  measured: Measurements,
  settings: Omit<AllocationSettings, 'contest'>,
): AllocationInputs {
  const { inspect, weight, noise, activationNoise, gamma, scoring } = measured;
  const known = inspect.network.functions.map((f) => f.name);
  for (const name of Object.keys(settings.locks)) {
    if (!known.includes(name)) {
      throw new SettingsError(
        `There is no function "${name}" to lock${suggestion(name, known)} "ompq inspect" lists all.`,
      );
    }
  }
  if (settings.activationWidths && !activationNoise) {
    throw new SettingsError(
      'The noise of the activations has not been measured, and without it their bits cannot be searched: quantize the model again.',
    );
  }
  const problem = problemOf(
    inspect,
    { weight, noise, activationNoise },
    settings,
    allBudgets(settings.budget, settings.limits, inspect.bytes),
  );
  return { problem, gamma, scoring };
}

/** Sizes and times alone tell whether limits can be kept: before scoring. @throws InfeasibleBudgetError */
export function refuseInfeasible(inspect: InspectReply, settings: AllocationSettings): void {
  const budgets = allBudgets(settings.budget, settings.limits, inspect.bytes);
  const told = budgets.filter(({ kind }) => kind !== 'noise');
  const problem = problemOf(inspect, { weight: null, noise: null }, settings, told);
  if (!canBeKept(problem)) throw infeasibleBudget(problem);
}

export function problemOf(
  inspect: InspectReply,
  {
    weight,
    noise,
    activationNoise,
  }: Partial<Pick<Measurements, 'activationNoise'>> & {
    weight: Float64Array | null;
    noise: Noise | null;
  },
  settings: Omit<AllocationSettings, 'budget' | 'contest' | 'objective'>,
  budget: Budget | Budget[],
): AllocationProblem {
  const { network, size } = inspect;
  refuseUnknown(network, [budget].flat());
  const named = network.functions.map(namedFunction);
  const latency = settings.latency && timesOf(named, settings.latency);
  const activationWidths = widthsOfActivations(inspect, settings.activationWidths);
  const functions = network.functions.map((f, i) => ({
    name: f.name,
    params: f.params,
    weight: weight?.[i] ?? 0,
    bytes: size.functionBytes[i],
    groups: settings.groups,
    noise: noise?.[i],
    milliseconds: latency?.[i],
    macs: f.macs,
    activations: f.activations,
    activationBits: keepsFloats(inspect, i) ? FLOAT_BITS : undefined,
    activationWidths: activationWidths?.[i],
    activationNoise: activationNoise?.[i],
  }));
  const { widths, pin: pins, locks, rules, ties, activationBits } = settings;
  return buildProblem(functions, {
    widths,
    pins,
    locks,
    rules: resolveRules(named, rules),
    ties: resolveTies(named, network.ties, ties),
    fixedBytes: size.fixedBytes,
    fixedMilliseconds: settings.latency?.rest,
    activationBits,
    budget,
  });
}

/** As an export has it, the first and the last function's inputs take 8 bits; and so do those of what is tied to one. */
export const OUTER_BITS = 8;

/** What limits count for activations that no export quantizes. */
export const FLOAT_BITS = 32;

export function keepsFloats({ floatActivations }: InspectReply, index: number): boolean {
  return floatActivations?.[index] ?? false;
}

/** @throws SettingsError for a limit that needs sizes which are not known */
function refuseUnknown({ functions }: InspectReply['network'], budgets: readonly Budget[]): void {
  for (const { kind } of budgets) {
    if (kind !== 'activationBytes' && kind !== 'bops') continue;
    const unknown = functions.filter((f) => (kind === 'bops' ? f.macs : f.activations) == null);
    if (unknown.length === 0) continue;
    const more = unknown.length > 1 ? ` and ${unknown.length - 1} more` : '';
    throw new SettingsError(
      `A limit on ${kind === 'bops' ? 'BOPs' : 'activation memory'} cannot be counted: the sizes of the activations of ` +
        `"${unknown[0].name}"${more} are not known from the file (open input sizes, or a branch of an If). ` +
        `Give the inputs' sizes with --shape, as input=1x512; where that is not enough, leave this limit out.`,
    );
  }
}

function widthsOfActivations(inspect: InspectReply, widths: number[] | undefined): number[][] | undefined {
  if (!widths) return undefined;
  const { functions, ties } = inspect.network;
  const outer = new Set([0, functions.length - 1]);
  for (const group of ties) if (group.some((i) => outer.has(i))) group.forEach((i) => outer.add(i));
  const floats = new Set([...functions.keys()].filter((i) => keepsFloats(inspect, i)));
  for (const group of ties) if (group.some((i) => floats.has(i))) group.forEach((i) => floats.add(i));
  return functions.map((_, i) => (floats.has(i) ? [FLOAT_BITS] : outer.has(i) ? [OUTER_BITS] : widths));
}

export function namedFunction({ name, op, layers }: InspectReply['network']['functions'][number]): Named {
  return { name, op, layers };
}
