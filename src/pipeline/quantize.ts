/** The whole job: a model goes in, a config comes out. The VS Code command and the CLI both call this. */
import { type Config, ConfigError, replacedConfig } from '../config/config';
import { lockedBits } from '../config/edit';
import { writeConfig } from '../config/format';
import { questionOf } from '../config/measured';
import { modelPathOf } from '../config/paths';
import type { Robustness } from '../config/types';
import { decidedBy, looksAtScores, winnerOf } from '../config/winner';
import { SettingsError } from '../core/allocation/buildProblem';
import { allocateByObjective, type FixedObjective, NEEDS_NOISE } from '../core/allocation/objectives';
import type { Allocation } from '../core/problem/problem';
import type { BitWidth } from '../core/problem/widths';
import { bootstrap } from '../core/scoring/bootstrap';
import { importance } from '../core/scoring/importance';
import { gramToOrm } from '../core/scoring/orthogonality';
import type { Engine } from '../engine/client';
import { part } from '../engine/progress';
import type { InspectReply } from '../engine/protocol';
import { decideByContest } from './contest';
import { toConfig } from './newConfig';
import { noiseOf } from './noise';
import { allocationInputs, refuseInfeasible } from './problem';
import { scoreModel } from './score';
import { namingWhatStays } from './shares';
import {
  type AllocationSettings,
  type Measurements,
  QUICK_CONTEST,
  type Scored,
  type ScoreOptions,
  type ScoreSettings,
} from './settings';
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

/** Score, allocate, write the config. An earlier config in its place keeps its locks and hand-edited bits. */
export async function quantize(
  engine: Engine,
  askedSettings: ScoreSettings,
  allocationSettings: AllocationSettings,
  configPath: string,
  options: ScoreOptions,
): Promise<QuantizeResult> {
  refuseContradictions(allocationSettings);
  const kept = await givenBits(configPath, askedSettings.model);
  const locksOf = ({ network }: InspectReply): Record<string, BitWidth> => {
    const names = new Set(network.functions.map((f) => f.name));
    const known = Object.fromEntries(Object.entries(kept).filter(([name]) => names.has(name)));
    return { ...known, ...allocationSettings.locks };
  };
  const scored = await scoreModel(engine, askedSettings, {
    ...part(options, 0, needsNoise(allocationSettings) || allocationSettings.quality ? 0.5 : 1),
    cache: options.cache,
    refuse: (inspect) => refuseInfeasible(inspect, { ...allocationSettings, locks: locksOf(inspect) }),
  });
  const scoreSettings = scored.settings;
  const settings = { ...allocationSettings, locks: locksOf(scored.inspect) };
  const { activationWidths } = settings;
  const isNoiseAware = settings.quality || (activationWidths && settings.objective === 'auto');
  const asked = isNoiseAware ? { ...settings, objective: 'noise-aware' as const } : settings;
  const rounding = asked.contest?.rounding ?? QUICK_CONTEST.rounding;
  const noises = needsNoise(asked)
    ? await noiseOf(engine, scoreSettings, { rounding, activationWidths }, scored, {
        ...part(options, 0.5, 0.7),
        cache: options.cache,
      })
    : { noise: null, activationNoise: undefined, cached: true };
  const { noise, activationNoise } = noises;
  const measured = { ...scored, noise, activationNoise, scoring: scoreSettings };
  const final = asked.quality
    ? await smallestFor(
        engine,
        scoreSettings,
        measured,
        { ...asked, quality: asked.quality },
        part(options, 0.7, 1),
      )
    : asked;
  const inputs = allocationInputs(measured, final);
  const { allocation, contest, cached } = await namingWhatStays(scored.inspect, async () =>
    final.objective === 'auto' && noise
      ? decideByContest(
          engine,
          scoreSettings,
          inputs,
          noise,
          { ...(final.contest ?? QUICK_CONTEST), asked: questionOf(final) },
          part(options, 0.7, 1),
          { cache: options.cache, sha256: scored.inspect.sha256 },
        )
      : {
          allocation: allocateByObjective(final.objective as FixedObjective, inputs),
          contest: undefined,
          cached: true,
        },
  );
  const found = toConfig(scored, final, { allocation, noise, activationNoise, contest }, configPath);
  const robustness =
    final.bootstrap && looksAtScores(found) ? keptBits(scored, final, measured, found) : undefined;
  const config = { ...found, robustness };
  // A contest that was cancelled has answered with the best so far; anything else stops here.
  if (!contest?.stopped) options.signal?.throwIfAborted();
  await writeConfig(configPath, config);
  return {
    config,
    configPath,
    scored,
    allocation,
    kept: Object.keys(kept).filter((name) => Object.hasOwn(settings.locks, name)),
    cached: scored.cached && noises.cached && cached,
  };
}

/** @throws SettingsError */
function refuseContradictions({ activationWidths, objective, quality }: AllocationSettings): void {
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

function needsNoise({ objective, limits }: AllocationSettings): boolean {
  return NEEDS_NOISE.has(objective) || limits?.noise !== undefined;
}

/** Scoring and solving again on samples drawn with replacement; by the objective that the allocation was made with. */
function keptBits(
  { inspect, score, settings: scoring }: Scored,
  settings: AllocationSettings,
  { noise, activationNoise }: Pick<Measurements, 'noise' | 'activationNoise'>,
  config: Config,
): Robustness {
  const functions = inspect.network.functions.length;
  const objective = decidedBy(config);
  const winner = winnerOf(config.contest);
  const solve = (grams: Float64Array): BitWidth[] => {
    const orm = gramToOrm(grams, functions, score.samples, { centered: scoring.centered });
    const { gamma, weight } = importance(orm, functions, scoring);
    const inputs = allocationInputs({ inspect, gamma, weight, noise, activationNoise, scoring }, settings);
    return allocateByObjective(objective, inputs, winner?.beta).bits;
  };
  return bootstrap(score.grams, functions, score.samples, settings.bootstrap!, solve);
}

/** Locks and hand-edited bits of the config at `path`, if there is one. @throws ConfigError for a file that is something else */
async function givenBits(path: string, model: string): Promise<Record<string, BitWidth>> {
  const config = await replacedConfig(path);
  if (!config) return {};
  if (modelPathOf(config, path) !== model) {
    throw new ConfigError(`${path} belongs to another model, ${config.model.file}; choose another output.`);
  }
  return lockedBits(config);
}
