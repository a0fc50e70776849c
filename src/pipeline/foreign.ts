/** Bits to other tools and back: what a foreign format needs is computed, written, and read into a config. */
import { decodeText } from '../common/text';
import { readFile } from 'node:fs/promises';
import { ioError } from '../common/fileErrors';
import { type Config } from '../config/config';
import { editConfig, type FunctionEdit } from '../config/edit';
import { modelPathOf } from '../config/paths';
import { SettingsError } from '../core/allocation/buildProblem';
import type { BitWidth } from '../core/problem/widths';
import type { Engine } from '../engine/client';
import type { InspectReply } from '../engine/protocol';
import { FormatError } from '../interop/errors';
import { type Format, type ReadBits, type Written } from '../interop/format';
import { formatOf, READABLE, recognize } from '../interop/formats/formats';
import { list, type NameMap, parseNameMap } from '../interop/names';
import type { Network } from '../onnx/network/network';
import { inspectFor, scoreSettingsOf } from './configured';
import { scoreModel } from './score';
import { type ScoreOptions } from './settings';

/** The allocation in a foreign format. @throws FormatError, SettingsError when the model has changed */
export async function writeForeign(
  engine: Engine,
  configPath: string,
  config: Config,
  format: Format,
  names: NameMap,
  options: ScoreOptions,
): Promise<Written> {
  const { network } = await inspectFor(engine, configPath, config, options);
  const scales = format.needs === 'scales' ? await scalesOf(engine, configPath, config, options) : null;
  const orm = format.needs === 'orm' ? await ormOf(engine, configPath, config, options) : null;
  return format.write({ config, network, names, scales, orm });
}

async function scalesOf(
  engine: Engine,
  configPath: string,
  config: Config,
  options: ScoreOptions,
): Promise<Map<string, Float32Array>> {
  const { tensors } = await engine.request(
    {
      kind: 'scales',
      model: modelPathOf(config, configPath),
      granularity: config.scoring.granularity,
      shapes: config.calibration.shapes,
      branches: config.calibration.branches,
      bits: config.functions.map((f) => f.bits),
    },
    options,
  );
  return new Map(tensors.map(({ tensor, scales }) => [tensor, scales]));
}

/** A config does not hold the matrix: the model is scored as it was for the config, or found scored in the cache. */
async function ormOf(
  engine: Engine,
  configPath: string,
  config: Config,
  options: ScoreOptions,
): Promise<Float64Array> {
  return (await scoreModel(engine, scoreSettingsOf(config, configPath), options)).orm;
}

/** "net.ompq.json", AIMET -> "net.encodings.json", next to the config. */
export function foreignPath(configPath: string, { suffix }: Format): string {
  return configPath.replace(/\.ompq\.json$/i, '') + suffix;
}

/** @throws FormatError that names the file */
export async function readNameMap(path: string): Promise<NameMap> {
  return aboutFile(path, async () => parseNameMap(await readText(path)));
}

/**
 * Bits out of another tool's file.
 * @param id of its format; undefined: recognized by its content
 * @throws FormatError that names the file
 */
export async function readForeign(
  path: string,
  id: string | undefined,
  network: Network,
  names: NameMap,
): Promise<ReadBits> {
  const text = await readText(path);
  const format = id === undefined ? recognize(text) : formatOf(id, READABLE);
  if (!format) {
    const known = READABLE.map((each) => each.id).join(', ');
    throw new FormatError(`${path}: format not recognized (known: ${known}); --format says which it is.`);
  }
  const read = await aboutFile(path, () => Promise.resolve(format.read(text, { network, names })));
  if (read.bits.size === 0) {
    throw new FormatError(`${path} refers to no layer of the model, only to ${list(read.unknown)}.`);
  }
  return read;
}

async function readText(path: string): Promise<string> {
  try {
    return decodeText(await readFile(path));
  } catch (error) {
    throw new FormatError(ioError(error, path, 'read').message, { cause: error });
  }
}

/** The reader's sentence with the file's name before it. */
async function aboutFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(
      /^[a-z]/.test(error.message) ? `${path} ${error.message}` : `${path}: ${error.message}`,
    );
  }
}

/** The config with those bits, locked. @throws SettingsError where tied functions were given different bits */
export function withGivenBits(
  config: Config,
  bits: ReadonlyMap<string, BitWidth>,
  { network, size }: InspectReply,
): Config {
  for (const group of network.ties) {
    const given = group.map((i) => network.functions[i].name).filter((name) => bits.has(name));
    const other = given.find((name) => bits.get(name) !== bits.get(given[0]));
    if (other !== undefined) {
      throw new SettingsError(
        `"${given[0]}" and "${other}" share their weights but are given ${bits.get(given[0])} and ${bits.get(other)} bits.`,
      );
    }
  }
  const edits = new Map(
    [...bits].map(([name, width]): [string, FunctionEdit] => [name, { bits: width, lock: true }]),
  );
  return editConfig(config, edits, size, network.ties);
}
