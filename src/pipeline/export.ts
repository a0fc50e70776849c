/** From a config to a quantized model that has been measured: export, then compare with the original. */
import { existsSync } from 'node:fs';
import { type Config, CONFIG_SUFFIX } from '../config/config';
import { modelPathOf } from '../config/paths';
import { SettingsError } from '../core/allocation/buildProblem';
import type { Engine } from '../engine/client';
import { steps } from '../engine/progress';
import type {
  ActivationBits,
  ActivationChoice,
  EvaluateReply,
  ExportReply,
  InspectReply,
} from '../engine/protocol';
import { dataOf, inspectFor } from './configured';
import { configHash } from './originalOf';
import { evaluateModels } from './evaluate';
import type { ExportSettings, ScoreOptions } from './settings';

export interface Exported {
  path: string;
  export: ExportReply;
  /** What the model is made of. */
  inspect: InspectReply;
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
  const given = dataOf(config, configPath);
  const outputs = { ...given.outputs, ...settings.outputs };
  const data = Object.keys(outputs).length > 0 ? { ...given, outputs } : given;
  const inspect = await inspectFor(engine, configPath, config, options);
  const { out, overwrite, rounding, scaleType, activations, samples, provider, memoryLimit } = settings;
  const { form = 'auto' } = settings;
  const step = steps(options, { export: 9, look: 1 });
  const reply = await engine.request(
    {
      kind: 'export',
      model,
      out,
      overwrite,
      granularity,
      bits: config.functions.map((f) => f.bits),
      groups: config.functions.map((f) => f.group ?? 0),
      rounding,
      scaleType,
      form,
      activations,
      data: { ...data, samples },
      config: configHash(config),
      cache: options.cache?.folder,
      provider,
      memoryLimit,
    },
    step.export,
  );
  const evaluation = await evaluateModels(
    engine,
    model,
    out,
    { ...data, samples: LOOK_SAMPLES },
    { all: false, perLayer: false, provider, memoryLimit },
    step.look,
  );
  return { path: out, export: reply, inspect, evaluation };
}
