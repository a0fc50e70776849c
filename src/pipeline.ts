/** The whole job: a model goes in, a config comes out. The VS Code command and the CLI both call this. */
import { access, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Cache } from './cache/cache';
import { remembered } from './cache/replies';
import { findScore, keepScore, scoreKey } from './cache/scores';
import type { DataSpec } from './calibration/spec';
import { solverBudget, type BudgetSpec } from './config/budget';
import {
  CONFIG_SUFFIX,
  ConfigError,
  NOISE_WIDTHS,
  readConfig,
  type Config,
  type Contest,
  type Pins,
} from './config/config';
import { recount } from './config/edit';
import { writeConfig } from './config/format';
import { timesOf, type LatencyTable } from './config/latency';
import { allBudgets, type Limits } from './config/limits';
import { checkNames, suggestion } from './config/names';
import { resolveRules, resolveTies, type Named, type Rules } from './config/rules';
import type { Quality, Robustness } from './config/types';
import { decidedBy, looksAtScores, standsIn, winnerOf } from './config/winner';
import { buildProblem, SettingsError } from './core/buildProblem';
import { importance, type Decay } from './core/importance';
import {
  allocateBy,
  NEEDS_NOISE,
  type Material,
  type FixedObjective,
  type Noise,
  type Objective,
} from './core/objectives';
import { bootstrap } from './core/bootstrap';
import { smallestFile } from './core/noise';
import { gramToOrm } from './core/orthogonality';
import type { Allocation, AllocationProblem, Budget } from './core/problem';
import { checkedTotals, keepsLimits } from './core/solution';
import { BIT_WIDTHS, type BitWidth } from './core/widths';
import type { Engine, RequestOptions } from './engine/client';
import type { InspectReply, InspectRequest, NoiseRequest, Provider, ScoreReply } from './engine/protocol';
import { decide, QUICK_CONTEST, type ContestSettings } from './contest';
import { part } from './engine/progress';
import { smallestMeasured } from './quality';
import type { Granularity } from './onnx/network';

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

export interface AllocationSettings {
  objective: Objective;
  budget: BudgetSpec;
  widths: BitWidth[];
  pin: Pins | null;
  /** Bits that are given, by function name. */
  locks: Record<string, BitWidth>;
  /** Beside the budget. */
  limits?: Limits;
  /** The smallest file that is as good as this, in place of the budget; the objective is then noise-aware. */
  quality?: Quality;
  rules?: Rules;
  /** Groups of patterns whose functions get the same bits. */
  ties?: string[][];
  /** For limits on BOPs and activation memory; default 32. */
  activationBits?: number;
  /** Bits of the activations as part of the search, per function: these widths, in place of activationBits. */
  activationWidths?: number[];
  latency?: LatencyTable;
  /** Samples of the calibration data drawn again so many times, to see how often each function keeps its bits. */
  bootstrap?: number;
  /** How 'auto' compares. */
  contest?: ContestSettings;
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
export function inspectRequest({ model, granularity, data }: ScoreSettings): InspectRequest {
  return { kind: 'inspect', model, granularity, shapes: data.shapes, data };
}

/** The settings for everything that follows an inspection: it has found the branches that the data take. */
export function through(settings: ScoreSettings, { branches }: InspectReply): ScoreSettings {
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

/** What it takes to allocate: sizes, importance, and noise where the objective asks for it. */
export interface Measurements {
  inspect: InspectReply;
  gamma: Float64Array;
  weight: Float64Array;
  noise: Noise | null;
  activationNoise?: Noise;
  scoring: Pick<ScoreSettings, 'decay' | 'beta'>;
}

/** @throws SettingsError for a lock of a function that does not exist */
function materialOf(measured: Measurements, settings: Omit<AllocationSettings, 'contest'>): Material {
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

function problemOf(
  { network, size }: InspectReply,
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
  const named = network.functions.map(namedFunction);
  const latency = settings.latency && timesOf(named, settings.latency);
  const activationWidths = widthsOfActivations(network, settings.activationWidths);
  const functions = network.functions.map((f, i) => ({
    name: f.name,
    params: f.params,
    weight: weight?.[i] ?? 0,
    bytesByWidth: size.functionBytes[i],
    // Weights that are left alone make no noise.
    noiseByWidth: noise ? { ...noise[i], 16: 0, 32: 0 } : undefined,
    millisecondsByWidth: latency?.[i],
    macs: f.macs,
    activations: f.activations,
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
const OUTER_BITS = 8;

function widthsOfActivations(
  { functions, ties }: InspectReply['network'],
  widths: number[] | undefined,
): number[][] | undefined {
  if (!widths) return undefined;
  const outer = new Set([0, functions.length - 1]);
  for (const group of ties) if (group.some((i) => outer.has(i))) group.forEach((i) => outer.add(i));
  return functions.map((_, i) => (outer.has(i) ? [OUTER_BITS] : widths));
}

export function namedFunction({ name, op, layers }: InspectReply['network']['functions'][number]): Named {
  return { name, op, layers };
}

/** The smallest file that widths, pins and locks allow. */
export function smallestBytes(inspect: InspectReply, settings: Omit<AllocationSettings, 'budget'>): number {
  const { candidates, fixedBytes } = problemOf(inspect, { weight: null, noise: null }, settings, {
    kind: 'bytes',
    bytes: 0,
  });
  return candidates.reduce(
    (sum, c) => sum + Math.min(...c.choices.map((choice) => choice.bytes)),
    fixedBytes,
  );
}

export function configPathFor(model: string): string {
  return model.replace(/\.onnx$/i, '') + CONFIG_SUFFIX;
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
  if ('noise' in quality) {
    const limited = { ...settings, limits: { ...settings.limits, noise: quality.noise } };
    return { ...limited, budget: { bytes: smallestFile(materialOf(measured, limited).problem).sizeBytes } };
  }
  const { problem } = materialOf(measured, settings);
  const found = await smallestMeasured(engine, score, problem, quality, rounding, options);
  return { ...settings, budget: { bytes: found.bytes }, quality: { ...quality, measured: found.measured } };
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
  const winner = winnerOf(config.contest, config.contest?.chosen ?? null);
  const solve = (grams: Float64Array): BitWidth[] => {
    const orm = gramToOrm(grams, functions, score.samples, { centered: scoring.centered });
    const { gamma, weight } = importance(orm, functions, scoring);
    const material = materialOf({ inspect, gamma, weight, noise, activationNoise, scoring }, settings);
    return allocateBy(objective, material, winner?.beta).bits;
  };
  return bootstrap(score.grams, functions, score.samples, settings.bootstrap!, solve);
}

/** The config that writing to `path` would replace, if any. @throws ConfigError for a file that is something else */
export async function replacedConfig(path: string): Promise<Config | null> {
  try {
    await access(path);
  } catch {
    return null;
  }
  try {
    return await readConfig(path);
  } catch (error) {
    throw new ConfigError(
      `${(error as Error).message} It is left as it is; move it away or choose another output.`,
    );
  }
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

/** Bits the solver must leave alone: locked functions, and those edited by hand since it ran. */
export function lockedBits(config: Config): Record<string, BitWidth> {
  const given = config.functions.filter((f, i) => f.lock || f.bits !== config.solver.bits[i]);
  return Object.fromEntries(given.map((f) => [f.name, f.bits]));
}

/**
 * The config solved again from the importance it holds, without scoring: its locks and edited bits stay.
 * @throws SettingsError when the model is not the one that was scored; InfeasibleBudgetError
 */
export function resolveConfig(config: Config, inspect: InspectReply): Config {
  if (inspect.sha256 !== config.model.sha256) {
    throw new SettingsError(
      `${config.model.file} has changed since it was scored; run "Quantize with OMPQ" again.`,
    );
  }
  checkNames('The config', ...namesOf(config, inspect));
  const locks = lockedBits(config);
  const budget = budgetAgain(config, inspect, locks);
  config = { ...config, allocation: { ...config.allocation, budget } };
  const allocation = solveAgain(config, inspect, locks);
  const functions = config.functions.map((f, i) => ({
    ...f,
    bits: allocation.bits[i],
    ...given('activationBits', allocation.activationBits?.[i]),
    lock: f.name in locks,
  }));
  const totals = { ...config.totals, budgetBytes: budgetBytes(inspect, config.allocation.budget) };
  return recount({ ...config, functions, totals, solver: certificate(allocation) }, inspect.size);
}

/** Of the functions: the config's, and those that the model has. */
export function namesOf(config: Config, { network }: InspectReply): [string[], string[]] {
  return [config.functions.map((f) => f.name), network.functions.map((f) => f.name)];
}

/** Where the budget was the answer to a limit on noise, which asks for no measuring, it is answered again. */
function budgetAgain(config: Config, inspect: InspectReply, locks: Record<string, BitWidth>): BudgetSpec {
  const { quality, budget } = config.allocation;
  if (!quality || !('noise' in quality)) return budget;
  const { problem } = materialOfConfig(config, inspect, locks);
  return { bytes: smallestFile({ ...problem, budgets: problem.budgets.slice(1) }).sizeBytes };
}

/** By the objective that made the config; for 'auto' by the one that won its contest. */
function solveAgain(config: Config, inspect: InspectReply, locks: Record<string, BitWidth>): Allocation {
  const { allocation, contest } = config;
  const winner = winnerOf(contest, contest?.chosen ?? null);
  const objective = decidedBy(config);
  const material = materialOfConfig(config, inspect, locks);
  const solved = allocateBy(objective, material, winner?.beta);
  const { problem } = material;
  const isWon = allocation.objective === 'auto' && contest && winner;
  if (!isWon || !standsIn(contest, winner, solved.bits) || !keepsLimits(problem, winner.bits)) return solved;
  // Found by trying, and better than what any program answers to this problem.
  const solver = { ...solved.solver, status: 'feasible' as const };
  return { ...checkedTotals(problem, winner.bits), solver };
}

/** What it takes to solve a config again, from what it holds. */
export function materialOfConfig(
  config: Config,
  inspect: InspectReply,
  locks: Record<string, BitWidth> = lockedBits(config),
): Material {
  const { allocation, scoring, functions } = config;
  return materialOf(
    {
      inspect,
      gamma: Float64Array.from(functions, (f) => f.gamma),
      weight: Float64Array.from(functions, (f) => f.importance),
      noise: noiseOfConfig(config),
      activationNoise: functions.every((f) => f.activationNoise)
        ? functions.map((f) => f.activationNoise!)
        : undefined,
      scoring,
    },
    { ...allocation, locks, latency: latencyOfConfig(config) },
  );
}

function latencyOfConfig({ functions, allocation }: Config): LatencyTable | undefined {
  if (!functions.every((f) => f.milliseconds)) return undefined;
  return {
    rest: allocation.restMilliseconds ?? 0,
    functions: Object.fromEntries(functions.map((f) => [f.name, f.milliseconds!])),
  };
}

/** null where one of the functions has none. */
function noiseOfConfig({ functions }: Config): Noise | null {
  if (!functions.every((f) => f.noise?.length === NOISE_WIDTHS.length)) return null;
  return functions.map((f) => Object.fromEntries(NOISE_WIDTHS.map((bits, i) => [bits, f.noise![i]])));
}

/** Absolute path of the model that the config at `configPath` belongs to. */
export function modelPathOf(config: Config, configPath: string): string {
  return resolve(dirname(configPath), config.model.file);
}

interface Found extends Pick<Measurements, 'noise' | 'activationNoise'> {
  allocation: Allocation;
  contest?: Contest;
}

function toConfig(
  scored: Scored,
  settings: AllocationSettings,
  { allocation, noise, activationNoise, contest }: Found,
  configPath: string,
): Config {
  const { settings: score, inspect } = scored;
  const folder = dirname(configPath);
  const { network, size } = inspect;
  const times = settings.latency && timesOf(network.functions.map(namedFunction), settings.latency);
  return {
    version: 1,
    model: { file: portable(folder, score.model), sha256: inspect.sha256, bytes: inspect.bytes },
    calibration: {
      path: score.data.path === null ? null : portable(folder, score.data.path),
      samples: scored.score.samples,
      seed: score.data.seed,
      shapes: score.data.shapes,
      preprocessing: score.data.preprocessing,
      ...given('values', score.data.values),
      // None at all is an answer, too: every If changes its branch from sample to sample.
      ...(score.data.branches ? { branches: score.data.branches } : {}),
    },
    scoring: {
      granularity: score.granularity,
      centered: score.centered,
      decay: score.decay,
      beta: score.beta,
      provider: scored.score.provider,
    },
    allocation: {
      objective: settings.objective,
      budget: settings.budget,
      widths: settings.widths,
      pin: settings.pin,
      ...given('limits', settings.limits),
      ...given('quality', settings.quality),
      ...given('rules', settings.rules),
      ...given('ties', settings.ties),
      ...given('activationBits', settings.activationBits),
      ...given('activationWidths', settings.activationWidths),
      ...given('restMilliseconds', settings.latency?.rest),
    },
    functions: network.functions.map((f, i) => ({
      name: f.name,
      bits: allocation.bits[i],
      lock: f.name in settings.locks,
      layers: f.layers.map((layer) => layer.node),
      params: f.params,
      macs: f.macs,
      gamma: Number(scored.gamma[i].toFixed(6)),
      importance: Number(scored.weight[i].toPrecision(9)),
      noise: noise ? NOISE_WIDTHS.map((bits) => Number(noise[i][bits].toPrecision(4))) : undefined,
      activationBits: allocation.activationBits?.[i],
      activationNoise: activationNoise && roundedNoise(activationNoise[i]),
      milliseconds: times?.[i],
      bytes: size.functionBytes[i][allocation.bits[i]],
    })),
    contest,
    totals: {
      bytes: allocation.sizeBytes,
      budgetBytes: budgetBytes(inspect, settings.budget),
      fixedBytes: size.fixedBytes,
      averageBits: Number(allocation.averageBits.toFixed(6)),
      params: network.functions.reduce((sum, f) => sum + f.params, 0),
    },
    solver: certificate(allocation),
  };
}

function roundedNoise(byWidth: Readonly<Record<number, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(byWidth).map(([bits, noise]) => [bits, Number(noise.toPrecision(4))]),
  );
}

/** The key only where there is something to say. */
function given<K extends string, V extends object | number>(
  key: K,
  value: V | undefined,
): Partial<Record<K, V>> {
  const isEmpty = value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
  return isEmpty ? {} : ({ [key]: value } as Record<K, V>);
}

function certificate({ solver, bits }: Allocation): Config['solver'] {
  return { ...solver, milliseconds: Number(solver.milliseconds.toFixed(1)), bits };
}

/** The largest file that the budget allows; for an average, with the dearest overhead of each function. */
export function budgetBytes({ network, size, bytes }: InspectReply, budget: BudgetSpec): number {
  const limit = solverBudget(budget, bytes);
  if (limit.kind !== 'averageBits') return limit.bytes;
  const overhead = network.functions.map(({ params }, i) =>
    Math.max(...BIT_WIDTHS.filter((b) => b <= 8).map((b) => size.functionBytes[i][b] - (params * b) / 8)),
  );
  const params = network.functions.reduce((sum, f) => sum + f.params, 0);
  return Math.ceil(size.fixedBytes + overhead.reduce((a, b) => a + b, 0) + (params * limit.bits) / 8);
}

/** What the file weighs at an average, interpolated between uniform widths: for people to choose by. */
export function estimatedBytes({ size }: InspectReply, averageBits: number): number {
  const low = Math.min(7, Math.max(2, Math.floor(averageBits)));
  const share = averageBits - low;
  const total = (bits: number): number =>
    size.functionBytes.reduce((sum, bytes) => sum + bytes[bits], size.fixedBytes);
  return Math.round(total(low) * (1 - share) + total(low + 1) * share);
}

/** Relative and with forward slashes where it can be, so that a config moves with its folder and between machines. */
export function portable(folder: string, path: string): string {
  const short = relative(folder, path);
  return (isAbsolute(short) ? path : short).replaceAll('\\', '/') || '.';
}
