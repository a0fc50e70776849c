/** What a config says of the model and the data that it was made for. */
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import type { DataSpec } from '../calibration/inputs/spec';
import { ConfigError } from '../config/config';
import { checkNames } from '../config/names';
import { modelPathOf, portable } from '../config/paths';
import type { Config } from '../config/types';
import { SettingsError } from '../core/allocation/buildProblem';
import type { Engine, RequestOptions } from '../engine/client';
import type { InspectReply } from '../engine/protocol';
import { namesOf } from './resolve';
import type { ScoreSettings } from './settings';

/** @throws SettingsError when the model is not the one that the config was made for */
export async function inspectFor(
  engine: Engine,
  configPath: string,
  config: Config,
  { signal }: RequestOptions,
): Promise<InspectReply> {
  const model = modelPathOf(config, configPath);
  const { granularity } = config.scoring;
  const { shapes, branches, outputs } = config.calibration;
  const request = { kind: 'inspect', model, granularity, shapes, branches, outputs } as const;
  const inspect = await engine.request(request, { signal });
  if (inspect.sha256 !== config.model.sha256) {
    throw new SettingsError(`${model} has changed since ${configPath} was made; quantize it again.`);
  }
  checkNames(configPath, ...namesOf(config, inspect));
  return inspect;
}

/** The calibration data of a config, its path absolute. */
export function dataOf({ calibration }: Config, configPath: string): DataSpec {
  // What was done to the pictures is for readers; it asks for nothing.
  const { path, preparation: _, ...rest } = calibration;
  return { ...rest, path: path === null || isAbsolute(path) ? path : resolve(dirname(configPath), path) };
}

/** How the config at `configPath` was scored. */
export function scoreSettingsOf(config: Config, configPath: string): ScoreSettings {
  const { granularity, centered, decay, beta } = config.scoring;
  return {
    model: modelPathOf(config, configPath),
    data: dataOf(config, configPath),
    granularity,
    centered,
    decay,
    beta,
    // The config's provider is a sentence for people.
    provider: 'auto',
    memoryLimit: 0,
  };
}

/** @throws ConfigError */
export function checkModel(config: Config, configPath: string, model: string): void {
  if (modelPathOf(config, configPath) !== model) {
    throw new ConfigError(`${configPath} belongs to another model, ${basename(config.model.file)}.`);
  }
}

/** The config as it has to be at another place: its paths are relative to it. */
export function movedConfig(config: Config, from: string, to: string): Config {
  const folder = dirname(to);
  const { path } = dataOf(config, from);
  return {
    ...config,
    model: { ...config.model, file: portable(folder, modelPathOf(config, from)) },
    calibration: { ...config.calibration, path: path === null ? null : portable(folder, path) },
  };
}
