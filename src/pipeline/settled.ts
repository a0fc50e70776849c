/** What is asked of an allocation, decided once: contradictions, locks, and what an option stands for. */
import { ConfigError, replacedConfig } from '../config/config';
import { lockedBits } from '../config/edit';
import { modelPathOf } from '../config/paths';
import { SettingsError } from '../core/allocation/buildProblem';
import { NEEDS_NOISE } from '../core/allocation/objectives';
import type { BitWidth } from '../core/problem/widths';
import type { InspectReply } from '../engine/protocol';
import { groupsFor } from './groups';
import { type AllocationSettings, type ContestSettings, QUICK_CONTEST } from './settings';

export type Settled = AllocationSettings & { contest: ContestSettings };

/** @param given bits that an earlier config insists on, by function name; functions that are gone lose theirs */
export function settledFor(
  asked: AllocationSettings,
  given: Readonly<Record<string, BitWidth>>,
  inspect: InspectReply,
): Settled {
  const names = new Set(inspect.network.functions.map((f) => f.name));
  const known = Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name)));
  const isNoiseAware = asked.quality || (asked.activationWidths && asked.objective === 'auto');
  return {
    ...asked,
    locks: { ...known, ...asked.locks },
    groups: groupsFor(asked, inspect),
    objective: isNoiseAware ? 'noise-aware' : asked.objective,
    contest: asked.contest ?? QUICK_CONTEST,
  };
}

export function asksForNoise({ objective, limits, quality }: AllocationSettings): boolean {
  return NEEDS_NOISE.has(objective) || limits?.noise !== undefined || quality !== undefined;
}

/** @throws SettingsError */
export function refuseContradictions({ activationWidths, objective, quality }: AllocationSettings): void {
  if (!activationWidths) return;
  if (objective === 'orthogonality' || objective === 'uniform') {
    throw new SettingsError(
      `The ${objective} objective says nothing about activations: search their bits with noise-aware or orthogonality-noise.`,
    );
  }
  if (quality && !('noise' in quality)) {
    throw new SettingsError(
      'KL divergence and SQNR are measured with quantized weights only: where the bits of activations are searched, ask for a quality by noise.',
    );
  }
}

/** Locks and hand-edited bits of the config at `path`, if there is one. @throws ConfigError for a file that is something else */
export async function givenBits(path: string, model: string): Promise<Record<string, BitWidth>> {
  const config = await replacedConfig(path);
  if (!config) return {};
  if (modelPathOf(config, path) !== model) {
    throw new ConfigError(`${path} belongs to another model, ${config.model.file}; choose another output.`);
  }
  return lockedBits(config);
}
