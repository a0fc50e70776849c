/** From a config to a quantized model that has been measured: export, then compare with the original. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { DataSpec } from '../calibration/inputs/spec';
import { CONFIG_SUFFIX, type Config } from '../config/config';
import { formatConfig } from '../config/format';
import { checkNames } from '../config/names';
import type { Engine, RequestOptions } from '../engine/client';
import type {
  ActivationBits,
  ActivationChoice,
  EvaluateReply,
  ExportReply,
  ExportRequest,
  InspectReply,
  Provider,
  Shard,
} from '../engine/protocol';
import { part } from '../engine/progress';
import { modelPathOf } from '../config/paths';
import type { ScoreOptions } from './quantize';
import { namesOf } from './resolve';
import { SettingsError } from '../core/allocation/buildProblem';

export interface ExportSettings {
  /** Absolute path of the file to write. */
  out: string;
  overwrite: boolean;
  rounding: ExportRequest['rounding'];
  scaleType: ExportRequest['scaleType'];
  /** Null: weights only. */
  activations: ExportRequest['activations'];
  /** Calibration samples for rounding and for ranges, at most. */
  samples: number;
  provider: Provider;
  /** Bytes; 0: half of the free memory. */
  memoryLimit: number;
}

export interface Exported {
  path: string;
  export: ExportReply;
  /** On the calibration inputs, against the original. */
  evaluation: EvaluateReply;
}

/** What was worth it in measurements: 256 inputs instead of 64 for rounding, no more than those for a first look. */
export const ROUNDING_SAMPLES = 256;
const LOOK_SAMPLES = 64;

/** The quantized model's default place: next to the config, under a name that is free. */
export function freeModelPath(configPath: string): string {
  const base = configPath.slice(0, -CONFIG_SUFFIX.length);
  for (let i = 1; ; i++) {
    const path = `${base}.quantized${i === 1 ? '' : `-${i}`}.onnx`;
    if (!existsSync(path)) return path;
  }
}

/**
 * The bits of activations that a search has put into the config; null where every function keeps floats.
 * @throws SettingsError where there was no search
 */
export function searchedActivations(
  { functions }: Config,
  configPath: string,
  range: ActivationChoice['range'],
): ActivationChoice | null {
  const perFunction = functions.map((f) => f.activationBits as ActivationBits);
  if (perFunction.includes(undefined as never)) {
    throw new SettingsError(
      `${configPath} has no bits of activations for every function: quantize with --act-widths, or give a number to --act-bits.`,
    );
  }
  // A function that keeps floats may have a layer that does not: as wide as there is.
  const narrow = perFunction.map((bits) => Math.min(bits, 8) as ActivationBits);
  return functions.every((f) => f.activationBits === 32) ? null : { bits: 8, perFunction: narrow, range };
}

/** @throws SettingsError when the model is not the one that the config was made for */
export async function exportModel(
  engine: Engine,
  configPath: string,
  config: Config,
  settings: ExportSettings,
  options: ScoreOptions,
): Promise<Exported> {
  const model = modelPathOf(config, configPath);
  const { granularity } = config.scoring;
  const data = dataOf(config, configPath);
  await inspectFor(engine, configPath, config, options);
  const { out, overwrite, rounding, scaleType, activations, samples, provider, memoryLimit } = settings;
  const reply = await engine.request(
    {
      kind: 'export',
      model,
      out,
      overwrite,
      granularity,
      bits: config.functions.map((f) => f.bits),
      rounding,
      scaleType,
      activations,
      data: { ...data, samples },
      config: createHash('sha256').update(formatConfig(config)).digest('hex'),
      cache: options.cache?.folder,
      provider,
      memoryLimit,
    },
    part(options, 0, 0.9),
  );
  const evaluation = await evaluateModels(
    engine,
    model,
    out,
    { ...data, samples: LOOK_SAMPLES },
    { all: false, perLayer: false, provider, memoryLimit },
    part(options, 0.9, 1),
  );
  return { path: out, export: reply, evaluation };
}

/** @throws SettingsError when the model is not the one that the config was made for */
export async function inspectFor(
  engine: Engine,
  configPath: string,
  config: Config,
  { signal }: RequestOptions,
): Promise<InspectReply> {
  const model = modelPathOf(config, configPath);
  const { granularity } = config.scoring;
  const { shapes, branches } = config.calibration;
  const inspect = await engine.request({ kind: 'inspect', model, granularity, shapes, branches }, { signal });
  if (inspect.sha256 !== config.model.sha256) {
    throw new SettingsError(`${model} has changed since ${configPath} was made; quantize it again.`);
  }
  checkNames(configPath, ...namesOf(config, inspect));
  return inspect;
}

export interface EvaluateOptions extends Pick<ExportSettings, 'provider' | 'memoryLimit'> {
  /** Every sample; else data.samples of them. */
  all: boolean;
  /** Also each layer's output; needs two models. */
  perLayer: boolean;
  shard?: Shard;
}

/** Both models over the data in one pass. */
export function evaluateModels(
  engine: Engine,
  model: string,
  other: string | null,
  data: DataSpec,
  { all, perLayer, provider, memoryLimit, shard }: EvaluateOptions,
  options: RequestOptions,
): Promise<EvaluateReply> {
  return engine.request(
    { kind: 'evaluate', model, other, data, allSamples: all, perLayer, provider, memoryLimit, shard },
    options,
  );
}

/** The calibration data of a config, its path absolute. */
export function dataOf({ calibration }: Config, configPath: string): DataSpec {
  const { path, ...rest } = calibration;
  return { ...rest, path: path === null || isAbsolute(path) ? path : resolve(dirname(configPath), path) };
}
