/** The whole job: a model goes in, a config comes out. The VS Code command and the CLI both call this. */
import type { Config } from '../config/config';
import { writeConfig } from '../config/format';
import type { Allocation } from '../core/problem/problem';
import type { Engine } from '../engine/client';
import { steps } from '../engine/progress';
import { decide } from './decide';
import { toConfig } from './newConfig';
import { measureNoise } from './noise';
import { refuseInfeasible } from './problem';
import { robustnessOf } from './robustness';
import { scoreModel } from './score';
import type { AllocationSettings, Scored, ScoreOptions, ScoreSettings } from './settings';
import { asksForNoise, givenBits, refuseContradictions, settledFor } from './settled';
import { smallestFor } from './smallestFile';

export interface QuantizeResult {
  config: Config;
  configPath: string;
  scored: Scored;
  allocation: Allocation;
  /** Names of functions whose locks or hand-edited bits were taken over from the config that was there. */
  kept: string[];
  /** Everything that takes time was known from an earlier run. */
  cached: boolean;
}

/** What the steps cost, roughly, in scorings of a convolutional network. */
const COST = { score: 5, noise: 2, decide: 3 };

/** Score, allocate, write the config. An earlier config in its place keeps its locks and hand-edited bits. */
export async function quantize(
  engine: Engine,
  scoring: ScoreSettings,
  asked: AllocationSettings,
  configPath: string,
  options: ScoreOptions,
): Promise<QuantizeResult> {
  refuseContradictions(asked);
  const given = await givenBits(configPath, scoring.model);
  const step = steps(options, asksForNoise(asked) ? COST : { score: 1, noise: 0, decide: 0 });
  const scored = await scoreModel(engine, scoring, {
    ...step.score,
    refuse: (inspect) => refuseInfeasible(inspect, settledFor(asked, given, inspect)),
  });
  const settings = settledFor(asked, given, scored.inspect);
  const noise = await measureNoise(engine, scored, settings, step.noise);
  const measured = { ...scored, ...noise.measured, scoring: scored.settings };
  const { settings: final, contest } = await smallestFor(engine, measured, settings, step.decide);
  const decision = await decide(engine, measured, final, step.decide);
  const found = toConfig(scored, final, { ...noise.measured, contest, ...decision }, configPath);
  const config = { ...found, robustness: robustnessOf(scored, final, measured, found) };
  // A contest that was cancelled has answered with the best so far; anything else stops here.
  if (!decision.contest?.stopped) options.signal?.throwIfAborted();
  await writeConfig(configPath, config);
  return {
    config,
    configPath,
    scored,
    allocation: decision.allocation,
    kept: Object.keys(given).filter((name) => Object.hasOwn(settings.locks, name)),
    cached: scored.cached && noise.cached && decision.cached,
  };
}
