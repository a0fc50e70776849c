/** The noise of every function at every width, measured or from the cache. */
import { NOISE_WIDTHS } from '../config/types';
import type { Noise } from '../core/allocation/objectives';
import type { Engine } from '../engine/client';
import type { NoiseRequest } from '../engine/protocol';
import { remembered } from './keptReplies';
import { OUTER_BITS } from './problem';
import type { ContestSettings, Scored, ScoreOptions, ScoreSettings } from './settings';
import { type AllocationSettings } from './settings';

/** Noise of every function at every width, on the calibration inputs. */
export async function noiseOf(
  engine: Engine,
  settings: ScoreSettings,
  {
    rounding,
    activationWidths,
  }: Pick<ContestSettings, 'rounding'> & Pick<AllocationSettings, 'activationWidths'>,
  { inspect, score }: Scored,
  options: ScoreOptions,
): Promise<{ noise: Noise; activationNoise?: Noise; cached: boolean }> {
  const { model, granularity, data, provider, memoryLimit } = settings;
  const request: NoiseRequest = {
    kind: 'noise',
    model,
    granularity,
    widths: [...NOISE_WIDTHS],
    // The first and the last function's keep 8.
    ...(activationWidths ? { activationWidths: [...new Set([...activationWidths, OUTER_BITS])] } : {}),
    rounding,
    data,
    provider,
    memoryLimit,
  };
  const { reply, cached } = await remembered(
    request,
    { cache: options.cache, sha256: inspect.sha256, signal: options.signal },
    () => engine.request(request, options),
    ({ samples }) => samples >= score.samples,
  );
  return { noise: reply.noise, activationNoise: reply.activationNoise, cached };
}
