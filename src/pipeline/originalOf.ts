/** From a quantized file back to the config and the model that it was made from, which lie beside it. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CONFIG_SUFFIX, readConfig } from '../config/config';
import { formatConfig } from '../config/format';
import type { Config } from '../config/types';
import type { QuantizedRecord } from '../onnx/packing/record';

/** As an export records it: SHA-256, hex. */
export function configHash(config: Config): string {
  return createHash('sha256').update(formatConfig(config)).digest('hex');
}

export interface Source {
  /** Absolute path of the config. */
  path: string;
  config: Config;
  /** The config is as it was at the export. */
  isSame: boolean;
}

/** No folder that people work in has nearly so many. */
const MOST = 200;

/** The config of this very export; else one that may have been changed since: its model's name begins the file's. */
export async function sourceOf(file: string, record: QuantizedRecord): Promise<Source | null> {
  const folder = dirname(file);
  const names = (await readdir(folder)).filter((name) => name.endsWith(CONFIG_SUFFIX)).slice(0, MOST);
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const config = await readConfig(path).catch(() => null);
      if (config?.functions.length !== record.bits.length) return null;
      return { path, config, isSame: configHash(config) === record.config };
    }),
  );
  const sources = found.filter((each) => each !== null);
  const isNamed = ({ config }: Source): boolean =>
    basename(file).startsWith(basename(config.model.file).replace(/\.onnx$/i, ''));
  return sources.find(({ isSame }) => isSame) ?? sources.find(isNamed) ?? null;
}
