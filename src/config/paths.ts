/** Where configs lie, and what they name. */
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Config } from './types';

/** How a config's name ends. */
export const CONFIG_SUFFIX = '.ompq.json';

export function configPathFor(model: string): string {
  return model.replace(/\.onnx$/i, '') + CONFIG_SUFFIX;
}

/** As exports are named where nobody names them: resnet.quantized.onnx, resnet.quantized-2.onnx. */
export const isExport = (path: string): boolean => /\.quantized(-\d+)?\.onnx$/i.test(path);

/** Absolute path of the model that the config at `configPath` belongs to. */
export function modelPathOf(config: Config, configPath: string): string {
  return resolve(dirname(configPath), config.model.file);
}

/** Relative and with forward slashes where it can be, so that a config moves with its folder and between machines. */
export function portable(folder: string, path: string): string {
  const short = relative(folder, path);
  return (isAbsolute(short) ? path : short).replaceAll('\\', '/') || '.';
}
