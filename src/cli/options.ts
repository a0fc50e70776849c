/** The options that several commands share, and how they become settings. */
import { type Command, Option } from 'commander';
import { existsSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Preprocessing, PRESET_NAMES } from '../calibration/inputs/spec';
import { ioError } from '../common/fileErrors';
import type { Decay } from '../core/scoring/importance';
import { TRACE, type Provider, type Shard } from '../engine/protocol';
import type { Granularity } from '../onnx/network/network';
import type { OutputChoice } from '../onnx/network/outputs';
import type { ScoreSettings } from '../pipeline/settings';
import { type AskedData, settledData } from '../pipeline/settledData';
import {
  atLeastTwo,
  collectOutput,
  collectShape,
  collectValue,
  count,
  numbers,
  positiveNumber,
  shard,
  size,
} from './arguments';
import type { Session } from './session';

export interface DataFlags extends Partial<Preprocessing> {
  data?: string;
  synthetic?: boolean;
  samples: number;
  seed: number;
  shape: Record<string, number[]>;
  value: Record<string, number>;
  output: Record<string, OutputChoice>;
}

export interface EngineFlags {
  provider: Provider;
  memoryLimit: number;
}

export interface ScoreFlags extends DataFlags, EngineFlags {
  granularity: Granularity;
  uncentered?: boolean;
  beta: number;
  decay: Decay;
  cache: boolean;
}

export function addShapeOption(command: Command): Command {
  return command.option(
    '--shape <NAME=DIMS>',
    'sizes of an input that the model leaves open, e.g. x=1x3x320x320 (repeatable)',
    collectShape,
    {},
  );
}

export function addValueOption(command: Command): Command {
  return command.option(
    '--value <NAME=NUMBER>',
    'an input that has one value in all samples, e.g. sr=16000 (repeatable)',
    collectValue,
    {},
  );
}

export function addOutputOption(command: Command): Command {
  return command.option(
    '--output <NAME=KIND>',
    "what an output of the model is where closeness is measured: classes, regression or ignore (repeatable; default: told by the model's last operators)",
    collectOutput,
    {},
  );
}

export function addDataOptions(command: Command): Command {
  return addOutputOption(addValueOption(addShapeOption(command)))
    .option('--data <PATH>', 'folder of images, .npy, .npz or folder of test_data_set_*')
    .option('--synthetic', 'seeded synthetic input instead of data (scores then say little)')
    .option('--seed <N>', 'seed of the shuffle that chooses the samples', count, 0)
    .addOption(
      new Option(
        '--preset <NAME>',
        'image preprocessing (default: what the model says or most likely takes, with the reason)',
      ).choices([...PRESET_NAMES]),
    )
    .option('--mean <a,b,c>', 'per channel, for pixels scaled to 0..1 (overrides the preset)', numbers)
    .option('--std <a,b,c>', 'per channel, for pixels scaled to 0..1 (overrides the preset)', numbers)
    .addOption(new Option('--resize <HOW>', 'overrides the preset').choices(['crop', 'stretch', 'pad']))
    .addOption(new Option('--layout <ORDER>', 'read from the model by default').choices(['NCHW', 'NHWC']))
    .addOption(new Option('--channels <ORDER>', 'channel order of the model').choices(['RGB', 'BGR']));
}

export function addScoreOptions(command: Command): Command {
  return addEngineOptions(addDataOptions(command))
    .option('--samples <N>', 'calibration samples', atLeastTwo, 64)
    .addOption(granularityOption())
    .option('--uncentered', "the paper's formula, without centring the Gram matrices")
    .option('--beta <X>', 'decay rate of e^(-beta gamma)', positiveNumber, 1)
    .addOption(
      new Option('--decay <PHI>', 'decreasing function from gamma to theta')
        .choices(['exp', 'log', 'linear', 'cubic', 'negexp'])
        .default('exp'),
    )
    .option('--no-cache', 'score anew, and keep nothing for the next run');
}

export function granularityOption(): Option {
  return new Option('--granularity <UNIT>', 'what is scored and gets one bit-width')
    .choices(['layer', 'block', 'stage', 'net'])
    .default('layer');
}

/** Where the engine runs, and in how much memory. */
export function addEngineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--provider <NAME>', 'execution provider ("ompq doctor" tells what there is)')
        .choices(['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml'])
        .default('auto'),
    )
    .addOption(
      new Option('--memory-limit <SIZE>', 'for the engine, e.g. 2GB')
        .argParser(size)
        .default(0, 'half of the free memory'),
    )
    .option('--trace <FILE>', "times of the engine's work, for ui.perfetto.dev or chrome://tracing")
    .hook('preAction', (_, action) => startTrace(action.opts<{ trace?: string }>().trace));
}

/** Every engine of this process writes its times into `file`, anew; undefined: it goes without. */
function startTrace(file: string | undefined): void {
  if (file === undefined) return;
  try {
    writeFileSync(file, '[\n');
  } catch (error) {
    throw ioError(error, file, 'write');
  }
  process.env[TRACE] = resolve(file);
}

export function addShardOptions(command: Command): Command {
  return command
    .option('--shard <i/n>', 'only the i-th of n parts, into a file for "ompq merge"', shard)
    .option('--out <FILE>', 'with --shard: the file (default: <model>.<command>-<i>-of-<n>.part, here)');
}

export interface ShardFlags {
  shard?: Shard;
  out?: string;
}

/** Where a part goes: into the current folder, since models may lie where nobody may write. */
export function partPath(
  { shard: { index, count }, out }: ShardFlags & { shard: Shard },
  model: string,
  command: string,
): string {
  return resolve(
    out ?? `${basename(model).replace(/\.onnx$/i, '')}.${command}-${index + 1}-of-${count}.part`,
  );
}

/** Absolute path of the data. @throws CommanderError where neither --data nor --synthetic is given */
export function askedData(flags: DataFlags, command: Command): AskedData {
  if (flags.data === undefined && !flags.synthetic) {
    command.error(
      'error: give --data PATH (images, .npy, .npz, test_data_set_*), or --synthetic to do without',
    );
  }
  if (flags.data !== undefined && flags.synthetic)
    command.error('error: --data and --synthetic exclude each other');
  const path = flags.data === undefined ? null : resolve(flags.data);
  if (path !== null && !existsSync(path))
    throw new Error(`${path} does not exist; --data names the calibration data.`);
  const { preset, mean, std, resize, layout, channels } = flags;
  return {
    path,
    samples: flags.samples,
    seed: flags.seed,
    shapes: flags.shape,
    preprocessing: { preset, mean, std, resize, layout, channels },
    ...(Object.keys(flags.value).length > 0 ? { values: flags.value } : {}),
    ...(Object.keys(flags.output).length > 0 ? { outputs: flags.output } : {}),
  };
}

/** With everything that the user has left open found out. */
export async function scoreSettings(
  { engine, options }: Pick<Session, 'engine' | 'options'>,
  asked: AskedScore,
): Promise<ScoreSettings> {
  return { ...asked, ...(await settledData(engine, asked.model, asked.data, options)) };
}

export type AskedScore = Omit<ScoreSettings, 'data' | 'guess'> & { data: AskedData };

export function askedScore(model: string, flags: ScoreFlags, command: Command): AskedScore {
  return {
    model: resolve(model),
    data: askedData(flags, command),
    granularity: flags.granularity,
    centered: !flags.uncentered,
    decay: flags.decay,
    beta: flags.beta,
    provider: flags.provider,
    memoryLimit: flags.memoryLimit,
  };
}
