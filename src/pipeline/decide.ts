/** From measurements to the bits: by a contest on the user's data, or by one objective. */
import { questionOf } from '../config/measured';
import type { Contest } from '../config/types';
import { allocateByObjective, type FixedObjective } from '../core/allocation/objectives';
import type { Allocation } from '../core/problem/problem';
import type { Engine } from '../engine/client';
import { decideByContest } from './contest';
import { allocationInputs } from './problem';
import type { Measurements, Scored, ScoreOptions } from './settings';
import type { Settled } from './settled';
import { namingWhatStays } from './shares';

export interface Decision {
  allocation: Allocation;
  /** Absent where one objective decided. */
  contest?: Contest;
  cached: boolean;
}

/** @throws SettingsError, InfeasibleBudgetError, CancelledError */
export async function decide(
  engine: Engine,
  measured: Scored & Measurements,
  settings: Settled,
  options: ScoreOptions,
): Promise<Decision> {
  const inputs = allocationInputs(measured, settings);
  const { noise } = measured;
  return namingWhatStays(measured.inspect, async () => {
    if (settings.objective === 'auto' && noise) {
      const asked = questionOf(settings);
      return decideByContest(engine, measured, inputs, noise, { ...settings.contest, asked }, options);
    }
    const objective = settings.objective as FixedObjective;
    return { allocation: allocateByObjective(objective, inputs), cached: true };
  });
}
