/** What a person should know about an allocation that its table does not say. */
import { formatAverage } from '../common/sizes';
import type { Config, ConfigFunction } from '../config/config';
import { decidedBy } from '../config/winner';
import { needsMoreSamples } from '../core/scoring/bootstrap';

/** @param draws of --bootstrap */
export function allocationNotes(config: Config, draws?: number): string[] {
  return [contestNote, floatNote, averageNote, uniformNote, bootstrapNote, robustnessNote].flatMap(
    (note) => note(config, draws) ?? [],
  );
}

/** A contest that was cancelled. */
function contestNote({ contest }: Config): string | null {
  return contest?.stopped ? 'stopped before everything was tried: the best so far is kept' : null;
}

/** Activations that no export quantizes. */
function floatNote({ functions, allocation }: Config): string | null {
  if (allocation.activationBits === undefined && !allocation.activationWidths) return null;
  const floats = functions.filter((f) => f.activationBits === 32).map(({ name }) => name);
  if (floats.length === 0) return null;
  const [who, keep] =
    floats.length === functions.length
      ? ['all functions', 'keep']
      : floats.length === 1
        ? [floats[0], 'keeps']
        : [`${floats[0]} and ${floats.length - 1} more`, 'keep'];
  return `${who} ${keep} float activations (in a branch of an If, or without an integer kernel): counted with 32 bits`;
}

/** More bits on average than there are. */
function averageNote(config: Config): string | null {
  const { budget, widths } = config.allocation;
  const { averageBits } = config.totals;
  if (!('averageBits' in budget) || averageBits >= budget.averageBits - 1e-6) return null;
  const free = freeFunctions(config);
  if (free.length === 0 || free.some((f) => f.bits < Math.max(...widths))) return null;
  return (
    `--avg-bits ${budget.averageBits} is above the widest allowed width: every function has the widest of the allowed widths ` +
    `(or its pin or lock), ${formatAverage(averageBits)} bits on average`
  );
}

/** One width for all leaves what the next width would pass. */
function uniformNote(config: Config): string | null {
  const { objective, budget, widths } = config.allocation;
  const free = freeFunctions(config);
  if (objective !== 'uniform' || !('averageBits' in budget) || free.length === 0) return null;
  if (config.totals.averageBits > budget.averageBits - 0.01) return null;
  const [{ bits }] = free;
  const next = Math.min(...widths.filter((width) => width > bits));
  if (next === Infinity || free.some((f) => f.bits !== bits)) return null;
  const pinned = config.functions.filter((f) => !free.includes(f));
  const counted =
    pinned.length > 0
      ? `; ${pinned.map((f) => `${f.name} (${f.bits} bits)`).join(', ')} ${pinned.length > 1 ? 'are' : 'is'} pinned or locked and counted in the average`
      : '';
  return (
    `uniform stops at ${bits} bits, ${formatAverage(config.totals.averageBits)} on average: with ${next} for all it would be ` +
    `more than ${budget.averageBits}${counted}`
  );
}

/** Those whose bits nothing has fixed; where rules are given, nobody can tell, and there are none. */
function freeFunctions({ functions, allocation: { pin, rules } }: Config): ConfigFunction[] {
  if (rules && Object.keys(rules).length > 0) return [];
  const pinned = (i: number): boolean =>
    (i === 0 && pin?.first !== undefined) || (i === functions.length - 1 && pin?.last !== undefined);
  return functions.filter((f, i) => !f.lock && !pinned(i));
}

/** What is drawn again are the scores: nothing to tell where they did not decide. */
function bootstrapNote(config: Config, draws: number | undefined): string | null {
  if (draws === undefined || config.robustness) return null;
  return `--bootstrap has no effect: the ${decidedBy(config)} objective does not use scores.`;
}

/** Loud where the bits are a matter of chance. */
function robustnessNote({ robustness, functions, calibration }: Config): string | null {
  if (!robustness) return null;
  const params = functions.map((f) => f.params);
  if (!needsMoreSamples(robustness, params)) return null;
  return (
    `warning: ${calibration.samples} samples are too few for this network: more than a quarter of its weights change their ` +
    `bits in one of five draws or more. Give more with --samples.`
  );
}
