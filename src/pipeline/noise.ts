/** The noise of every function at every width, measured or from the cache. */
import { NOISE_WIDTHS } from '../config/types';
import type { Engine } from '../engine/client';
import type { NoiseRequest } from '../engine/protocol';
import { remembered } from './keptReplies';
import { OUTER_BITS } from './problem';
import type { Measurements, Scored, ScoreOptions } from './settings';
import { asksForNoise, type Settled } from './settled';

/** Samples beside those that were scored, to try functions on: what rounding has seen says too little. */
const TRIED = 16;

export interface MeasuredNoise {
  measured: Pick<Measurements, 'noise' | 'activationNoise'>;
  cached: boolean;
}

/** On the calibration inputs, with the rounding of the contest; nothing where the settings ask for none. */
export async function measureNoise(
  engine: Engine,
  { settings, inspect, score }: Scored,
  asked: Settled,
  options: ScoreOptions,
): Promise<MeasuredNoise> {
  if (!asksForNoise(asked)) return { measured: { noise: null }, cached: true };
  const { groups, activationWidths } = asked;
  const { model, granularity, data, provider, memoryLimit } = settings;
  const request: NoiseRequest = {
    kind: 'noise',
    model,
    granularity,
    widths: [...NOISE_WIDTHS],
    ...(groups && groups.length > 0 ? { groups } : {}),
    // The first and the last function's keep 8.
    ...(activationWidths ? { activationWidths: [...new Set([...activationWidths, OUTER_BITS])] } : {}),
    rounding: asked.contest.rounding,
    data: { ...data, samples: data.samples + TRIED },
    provider,
    memoryLimit,
  };
  const { reply, cached } = await remembered(
    request,
    { cache: options.cache, sha256: inspect.sha256, signal: options.signal },
    () => engine.request(request, options),
    ({ samples }) => samples >= score.samples,
  );
  return { measured: { noise: reply.noise, activationNoise: reply.activationNoise }, cached };
}
