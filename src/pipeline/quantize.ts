/** The whole job: a model goes in, a config comes out. The VS Code command and the CLI both call this. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type AllocationSettings, materialOf, type Measurements, OUTER_BITS } from './problem';
import { type BudgetSpec, solverBudget } from '../config/budget';
import type { Cache } from '../cache/cache';
import { remembered } from './keptReplies';
import { findScore, keepScore, scoreKey } from './keptScores';
import type { DataSpec } from '../calibration/inputs/spec';
import { type Config, ConfigError, NOISE_WIDTHS, replacedConfig } from '../config/config';
import { writeConfig } from '../config/format';
import type { Limits } from '../config/limits';
import { modelPathOf } from '../config/paths';
import type { Quality, Robustness } from '../config/types';
import { decidedBy, looksAtScores, winnerOf } from '../config/winner';
import { type ContestSettings, decide, QUICK_CONTEST } from './contest';
import { bootstrap } from '../core/scoring/bootstrap';
import { SettingsError } from '../core/allocation/buildProblem';
import { type Decay, importance } from '../core/scoring/importance';
import { smallestFile } from '../core/allocation/noiseObjective';
import { allocateBy, type FixedObjective, NEEDS_NOISE, type Noise } from '../core/allocation/objectives';
import { gramToOrm } from '../core/scoring/orthogonality';
import type { Allocation } from '../core/problem/problem';
import type { BitWidth } from '../core/problem/widths';
import type { Engine, RequestOptions } from '../engine/client';
import { part } from '../engine/progress';
import type { InspectReply, InspectRequest, NoiseRequest, Provider, ScoreReply } from '../engine/protocol';
import type { Granularity } from '../onnx/network/network';
import { smallestMeasured } from './smallestFile';
import { lockedBits } from './resolve';
import { toConfig } from './newConfig';

export interface ScoreSettings {
  /** Absolute path. */
  model: string;
  data: DataSpec;
  granularity: Granularity;
  /** Centred Gram matrices; false: the paper's formula. */
  centered: boolean;
  decay: Decay;
  beta: number;
  provider: Provider;
  /** Bytes; 0: half of the free memory. */
  memoryLimit: number;
}

export interface ScoreOptions extends RequestOptions {
  /** Where Gram matrices, and rounded layers, are kept between runs; absent: nowhere. */
  cache?: Cache;
}

export interface Scored {
  settings: ScoreSettings;
  inspect: InspectReply;
  /** Where cached: the reply of the run that computed it. */
  score: ScoreReply;
  cached: boolean;
  /** L x L, row-major. */
  orm: Float64Array;
  gamma: Float64Array;
  theta: Float64Array;
  weight: Float64Array;
}

/** Functions, calibration inputs -> Gram matrices -> ORM -> importance. */
export async function scoreModel(
  engine: Engine,
  asked: ScoreSettings,
  options: ScoreOptions,
): Promise<Scored> {
  const inspect = await engine.request(inspectRequest(asked), part(options, 0, 0.05));
  const settings = through(asked, inspect);
  const { model, data, granularity, provider, memoryLimit } = settings;
  if (inspect.network.functions.length === 0) {
    const reasons = inspect.network.skipped.slice(0, 3).map((node) => `${node.name} (${node.reason})`);
    throw new SettingsError(
      `${model} has no layer that can be quantized${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}.`,
    );
  }
  const { cache, signal, onProgress } = options;
  const functions = inspect.network.functions.length;
  const findKey = () => scoreKey(inspect.sha256, settings, signal);
  const key = cache ? await findKey() : null;
  const found = cache && key !== null ? await findScore(cache, key, functions) : null;
  if (found) {
    onProgress?.({ stage: 'Scored before', fraction: 1 });
    return { settings, inspect, score: found, cached: true, ...orthogonality(found, functions, settings) };
  }
  const before = await stamps(inspect.files);
  const score = await engine.request(
    { kind: 'score', model, granularity, data, provider, memoryLimit },
    part(options, 0.05, 1),
  );
  if ((await stamps(inspect.files)) !== before) {
    throw new SettingsError(
      `${basename(model)} was changed or removed while it was scored; run it again when it stays as it is.`,
    );
  }
  // Data that has changed meanwhile has another key.
  if (cache && key !== null && (await findKey()) === key) await keepScore(cache, key, score);
  return { settings, inspect, score, cached: false, ...orthogonality(score, functions, settings) };
}

/** What the model is made of on this data. */
export function inspectRequest({
  model,
  granularity,
  data,
}: Pick<ScoreSettings, 'model' | 'granularity' | 'data'>): InspectRequest {
  return { kind: 'inspect', model, granularity, shapes: data.shapes, data };
}

/** The settings for everything that follows an inspection: it has found the branches that the data take. */
export function through<S extends { data: DataSpec }>(settings: S, { branches }: InspectReply): S {
  return branches ? { ...settings, data: { ...settings.data, branches } } : settings;
}

/** Equal as long as nobody has written to the files. */
async function stamps(paths: readonly string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
  return found.map((file) => (file ? `${file.size} ${file.mtimeMs}` : 'gone')).join();
}

/** Noise of every function at every width, on the calibration inputs. */
async function measureNoise(
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

export function orthogonality(
  score: ScoreReply,
  functions: number,
  { centered, decay, beta }: Pick<ScoreSettings, 'centered' | 'decay' | 'beta'>,
) {
  const orm = gramToOrm(score.grams, functions, score.samples, { centered });
  return { orm, ...importance(orm, functions, { decay, beta }) };
}

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
  const scored = await scoreModel(engine, askedSettings, {
    ...part(options, 0, needsNoise(allocationSettings) || allocationSettings.quality ? 0.5 : 1),
    cache: options.cache,
  });
  const scoreSettings = scored.settings;
  const names = new Set(scored.inspect.network.functions.map((f) => f.name));
  const locks = Object.fromEntries(Object.entries(kept).filter(([name]) => names.has(name)));
  const settings = { ...allocationSettings, locks: { ...locks, ...allocationSettings.locks } };
  const { activationWidths } = settings;
  const isNoiseAware = settings.quality || (activationWidths && settings.objective === 'auto');
  const asked = isNoiseAware ? { ...settings, objective: 'noise-aware' as const } : settings;
  const rounding = asked.contest?.rounding ?? QUICK_CONTEST.rounding;
  const noises = needsNoise(asked)
    ? await measureNoise(engine, scoreSettings, { rounding, activationWidths }, scored, {
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
  const material = materialOf(measured, final);
  const { allocation, contest, cached } =
    final.objective === 'auto' && noise
      ? await decide(
          engine,
          scoreSettings,
          material,
          noise,
          final.contest ?? QUICK_CONTEST,
          part(options, 0.7, 1),
          { cache: options.cache, sha256: scored.inspect.sha256 },
        )
      : {
          allocation: allocateBy(final.objective as FixedObjective, material),
          contest: undefined,
          cached: true,
        };
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
    kept: Object.keys(locks),
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

/** The settings with the smallest size at which the quality is reached as budget. */
async function smallestFor(
  engine: Engine,
  score: ScoreSettings,
  measured: Measurements,
  settings: AllocationSettings & { quality: Quality },
  options: RequestOptions,
): Promise<AllocationSettings> {
  const { quality } = settings;
  const rounding = settings.contest?.rounding ?? QUICK_CONTEST.rounding;
  const limits = { ...settings.limits, ...limitOfBudget(settings.budget, measured.inspect.bytes) };
  if ('noise' in quality) {
    const limited = { ...settings, limits: { ...limits, noise: quality.noise } };
    const { problem } = materialOf(measured, limited);
    const smallest = smallestFile({ ...problem, budgets: problem.budgets.slice(1) });
    return { ...limited, budget: { bytes: smallest.sizeBytes } };
  }
  const limited = { ...settings, limits };
  const { problem } = materialOf(measured, limited);
  const found = await smallestMeasured(engine, score, problem, quality, rounding, options);
  return { ...limited, budget: { bytes: found.bytes }, quality: { ...quality, measured: found.measured } };
}

/** A budget as the limit that it is where the size is the answer; the float model's own size is none. */
function limitOfBudget(budget: BudgetSpec, modelBytes: number): Limits {
  if ('ratio' in budget && budget.ratio === 1) return {};
  const limit = solverBudget(budget, modelBytes);
  return limit.kind === 'bytes' ? { bytes: limit.bytes } : { averageBits: limit.bits };
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
    const material = materialOf({ inspect, gamma, weight, noise, activationNoise, scoring }, settings);
    return allocateBy(objective, material, winner?.beta).bits;
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
