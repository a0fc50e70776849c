/** How far the bits depend on which samples were scored. */
import type { Config } from '../config/config';
import type { Robustness } from '../config/types';
import { decidedBy, looksAtScores, winnerOf } from '../config/winner';
import { allocateByObjective } from '../core/allocation/objectives';
import type { BitWidth } from '../core/problem/widths';
import { bootstrap } from '../core/scoring/bootstrap';
import { importance } from '../core/scoring/importance';
import { gramToOrm } from '../core/scoring/orthogonality';
import { allocationInputs } from './problem';
import type { AllocationSettings, Measurements, Scored } from './settings';

/**
 * Scoring and solving again on samples drawn with replacement, by the objective that the allocation was made with.
 * @returns undefined where nobody asks, or the bits do not depend on the scores
 */
export function robustnessOf(
  { inspect, score, settings: scoring }: Scored,
  settings: AllocationSettings,
  { noise, activationNoise }: Pick<Measurements, 'noise' | 'activationNoise'>,
  config: Config,
): Robustness | undefined {
  if (!settings.bootstrap || !looksAtScores(config)) return undefined;
  const functions = inspect.network.functions.length;
  const objective = decidedBy(config);
  const winner = winnerOf(config.contest);
  const solve = (grams: Float64Array): BitWidth[] => {
    const orm = gramToOrm(grams, functions, score.samples, { centered: scoring.centered });
    const { gamma, weight } = importance(orm, functions, scoring);
    const inputs = allocationInputs({ inspect, gamma, weight, noise, activationNoise, scoring }, settings);
    return allocateByObjective(objective, inputs, winner?.beta).bits;
  };
  return bootstrap(score.grams, functions, score.samples, settings.bootstrap, solve);
}
