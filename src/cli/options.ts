/** The options that several commands share, and how their words become settings. */
import { decodeText } from '../common/text';
import { OUTPUT_CHOICES, type OutputChoice } from '../onnx/network/outputs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { existsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Preprocessing, PRESET_NAMES } from '../calibration/inputs/spec';
import { ioError } from '../common/fileErrors';
import { parseSize } from '../common/sizes';
import { GROUP_SIZES } from '../common/storageCode';
import { type BudgetSpec, WHOLE } from '../config/budget';
import type { Pins, Quality } from '../config/config';
import { parseQuality } from '../config/quality';
import { type LatencyTable, parseLatencyTable } from '../config/latency';
import { LIMIT_KINDS, type LimitKind, type Limits, parseLimit } from '../config/limits';
import type { Rules } from '../config/rules';
import { isBitWidth, parseWidths } from '../config/widths';
import { type Objective, OBJECTIVES } from '../core/allocation/objectives';
import type { BitWidth } from '../core/problem/widths';
import type { Decay } from '../core/scoring/importance';
import { TRACE, type ContestRequest, type Provider, type Shard } from '../engine/protocol';
import type { Granularity } from '../onnx/network/network';
import type { AllocationSettings, ScoreSettings } from '../pipeline/settings';
import { type AskedData, settledData } from '../pipeline/settledData';
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

export interface BudgetFlags {
  size?: number;
  avgBits?: number;
  ratio?: number;
  objective: Objective;
  contestRounding: ContestRequest['rounding'];
  searchSeconds: number;
  widths: BitWidth[];
  groups?: number[];
  pin: Pins | false;
  lock: Record<string, BitWidth>;
  bops?: number;
  latency?: number;
  latencyTable?: string;
  peakActivation?: number;
  quality?: Quality;
  rule: Rules;
  tie: string[][];
  actBits?: number;
  actWidths?: number[];
  bootstrap?: number;
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

/** 1-based for people, as everywhere: 1/4 to 4/4. */
function shard(text: string): Shard {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const [index, count] = [Number(i) - 1, Number(n)];
  if (!(index >= 0 && index < count)) throw new InvalidArgumentError('Expected INDEX/COUNT, e.g. 1/4.');
  return { index, count };
}

export function addBudgetOptions(command: Command): Command {
  return command
    .option('--size <SIZE>', 'size of the quantized file, e.g. 1.5MB (10^6) or 1.5MiB (2^20)', size)
    .option('--avg-bits <BITS>', 'average over all weights, pinned ones included', averageBits)
    .option('--ratio <X>', 'float file size / quantized file size', ratio)
    .addOption(
      new Option('--objective <NAME>', "orthogonality is the paper's own; auto takes what measures best")
        .choices(OBJECTIVES)
        .default('auto'),
    )
    .addOption(
      new Option('--contest-rounding <HOW>', 'how --objective auto rounds the allocations it compares')
        .choices(['nearest', 'gptq', 'reconstruct'])
        .default('gptq'),
    )
    .option(
      '--search-seconds <S>',
      'time for swapping bits after the contest of --objective auto',
      seconds,
      5,
    )
    .addOption(
      new Option('--widths <LIST>', 'allowed bit-widths, e.g. 4-8 or 2,4,8')
        .argParser(widths)
        .default(parseWidths('2-8'), '2-8'),
    )
    .addOption(
      new Option(
        '--groups <LIST>',
        'inputs of a MatMul, Gemm or table that may share a scale, of channel (all), 128, 64 and 32 (default: all of these for ' +
          'transformers at 4 bits and less, else channel)',
      ).argParser(groups),
    )
    .addOption(
      new Option(
        '--pin <LIST>',
        'layers outside the search, e.g. first=4,last=6; auto: at 8 bits where that takes at most 1/20 of the weight bytes, else in the search from 4 bits on',
      )
        .argParser(pins)
        .default({ first: 'auto', last: 'auto' }, 'auto'),
    )
    .option('--no-pin', 'put the first and the last function into the search, too')
    .option('--lock <NAME=BITS>', 'give a function its bits (repeatable)', collectLock, {})
    .option(
      '--rule <PATTERN=BITS>',
      'bits of all functions that a pattern matches, e.g. "*/attn/*=8", "op:Gemm=8" or "*conv1*=4-8" (repeatable)',
      collectRule,
      {},
    )
    .option(
      '--tie <PATTERNS>',
      'functions that get the same bits, e.g. "*/q_proj,*/k_proj"; with parentheses, those with the same text in them, ' +
        'e.g. "(*)/q_proj,(*)/k_proj" (repeatable)',
      collectTie,
      [],
    )
    .option(
      '--bops <N>',
      'limit on MACs x weight bits x activation bits, e.g. 2G',
      limit('bops', '2G or 500M'),
    )
    .option(
      '--latency <TIME>',
      'limit on the run time by --latency-table',
      limit('milliseconds', '5ms or 800us'),
    )
    .option(
      '--latency-table <FILE>',
      'run times, .json ({"rest": 0.2, "functions": {"conv1": {"8": 0.1}}}) or .csv (function,bits,milliseconds)',
    )
    .option(
      '--peak-activation <SIZE>',
      'limit on the activations alive at a time, for one sample at --act-bits',
      limit('activationBytes', '2MB or 512KiB'),
    )
    .option('--act-bits <BITS>', 'bits of the activations, for these limits (default: 32)', activationBits)
    .option(
      '--act-widths <LIST>',
      'search the bits of the activations, too, per function, e.g. 4,6,8 or 4-8 (the first and the last function keep 8)',
      activationWidths,
    )
    .option(
      '--quality <LIMIT>',
      'smallest file that meets this quality: noise<=0.3, or measured: same>=99%, kl<=0.05, sqnr>=20',
      quality,
    )
    .option(
      '--bootstrap <N>',
      'draw the calibration samples again N times and tell how often each function keeps its bits',
      positive,
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

/** The first of size, ratio and average is the budget; the others hold beside it. */
export async function allocationSettings(flags: BudgetFlags, command: Command): Promise<AllocationSettings> {
  const { size: bytes, avgBits: averageBits, ratio, quality: asked } = flags;
  const budgets: BudgetSpec[] = [];
  if (bytes !== undefined) budgets.push({ bytes });
  if (ratio !== undefined) budgets.push({ ratio });
  if (averageBits !== undefined) budgets.push({ averageBits });
  if (bytes !== undefined && ratio !== undefined)
    command.error('error: --size and --ratio exclude each other');
  const limits: Limits = {
    bops: flags.bops,
    milliseconds: flags.latency,
    activationBytes: flags.peakActivation,
    ...(averageBits !== undefined && budgets.length > 1 ? { averageBits } : {}),
  };
  for (const kind of LIMIT_KINDS) if (limits[kind] === undefined) delete limits[kind];
  if (budgets.length === 0 && !asked && Object.keys(limits).length === 0) {
    command.error(
      'error: give --size, --avg-bits or --ratio, another limit (--bops, --latency, --peak-activation), or --quality',
    );
  }
  if ((flags.latency === undefined) !== (flags.latencyTable === undefined)) {
    command.error('error: --latency and --latency-table go together');
  }
  if (flags.actBits !== undefined && flags.actWidths !== undefined) {
    command.error('error: --act-bits and --act-widths exclude each other');
  }
  if (asked && flags.objective !== 'auto' && flags.objective !== 'noise-aware') {
    command.error(
      `error: --quality finds the smallest file by noise, --objective ${flags.objective} does not: leave out one of them`,
    );
  }
  return {
    objective: flags.objective,
    contest: { rounding: flags.contestRounding, searchSeconds: flags.searchSeconds },
    // Without one, nothing limits the size but the float model's own.
    budget: budgets[0] ?? WHOLE,
    widths: flags.widths,
    groups: flags.groups,
    pin: flags.pin === false ? null : flags.pin,
    locks: flags.lock,
    limits,
    quality: asked,
    rules: flags.rule,
    ties: flags.tie,
    activationBits: flags.actBits,
    activationWidths: flags.actWidths,
    latency: flags.latencyTable === undefined ? undefined : await readLatencyTable(flags.latencyTable),
    bootstrap: flags.bootstrap,
  };
}

async function readLatencyTable(path: string): Promise<LatencyTable> {
  let text: string;
  try {
    text = decodeText(await readFile(resolve(path)));
  } catch (error) {
    throw ioError(error, path, 'read');
  }
  return parseLatencyTable(text, path);
}

function collectRule(text: string, previous: Rules): Rules {
  const at = text.lastIndexOf('=');
  const bits = at > 0 ? parseWidths(text.slice(at + 1)) : null;
  if (!bits)
    throw new InvalidArgumentError('Expected, for example, "*/attn/*=8", "op:Gemm=8" or "*conv1*=4-8".');
  const pattern = text.slice(0, at);
  const { [pattern]: _earlier, ...others } = previous;
  return { ...others, [pattern]: bits.length === 1 ? bits[0] : bits };
}

function collectTie(text: string, previous: string[][]): string[][] {
  // A comma between braces is the pattern's own.
  const patterns = text.split(/,(?![^{]*\})/).map((part) => part.trim());
  if (patterns.some((pattern) => pattern === ''))
    throw new InvalidArgumentError('Expected, for example, "*/q_proj,*/k_proj".');
  return [...previous, patterns];
}

function limit(kind: LimitKind, examples: string): (text: string) => number {
  return (text) => {
    const value = parseLimit(kind, text);
    if (value === null) throw new InvalidArgumentError(`Expected, for example, ${examples}.`);
    return value;
  };
}

function activationBits(text: string): number {
  const value = positive(text);
  if (value < 2 || value > 32) throw new InvalidArgumentError('It is a whole number from 2 to 32.');
  return value;
}

function activationWidths(text: string): number[] {
  const list = parseWidths(text);
  if (!list?.every((bits) => bits >= 4 && bits <= 8))
    throw new InvalidArgumentError('Expected, for example, 4,6,8 or 4-8; activations take 4 to 8 bits.');
  return list;
}

function quality(text: string, previous?: Quality): Quality {
  if (previous) throw new InvalidArgumentError('It is given once.');
  const asked = parseQuality(text);
  if (!asked)
    throw new InvalidArgumentError('Expected, for example, noise<=0.3, same>=99%, kl<=0.05 or sqnr>=20.');
  return asked;
}

function collectShape(text: string, previous: Record<string, number[]>): Record<string, number[]> {
  const at = text.lastIndexOf('=');
  const dims = text
    .slice(at + 1)
    .split(/[x,]/i)
    .map(Number);
  if (at < 1 || dims.some((d) => !Number.isInteger(d) || d < 1)) {
    throw new InvalidArgumentError('Expected, for example, NAME=1x3x320x320.');
  }
  return { ...previous, [text.slice(0, at)]: dims };
}

function collectValue(text: string, previous: Record<string, number>): Record<string, number> {
  const at = text.lastIndexOf('=');
  const number = text.slice(at + 1);
  if (at < 1 || number.trim() === '' || !Number.isFinite(Number(number))) {
    throw new InvalidArgumentError('Expected, for example, sr=16000.');
  }
  return { ...previous, [text.slice(0, at)]: Number(number) };
}

function collectOutput(text: string, previous: Record<string, OutputChoice>): Record<string, OutputChoice> {
  const at = text.lastIndexOf('=');
  const kind = OUTPUT_CHOICES.find((each) => each === text.slice(at + 1));
  if (at < 1 || !kind)
    throw new InvalidArgumentError(`Expected, for example, logits=${OUTPUT_CHOICES.join(' or logits=')}.`);
  return { ...previous, [text.slice(0, at)]: kind };
}

function collectLock(text: string, previous: Record<string, BitWidth>): Record<string, BitWidth> {
  const at = text.lastIndexOf('=');
  return { ...previous, [text.slice(0, at)]: bitWidth(text.slice(at + 1)) };
}

/** "auto", "first,last=8" or "first=4,last=auto": names without bits take the next ones. */
function pins(text: string): Pins {
  if (text.trim() === 'auto') return { first: 'auto', last: 'auto' };
  const result: Pins = {};
  let waiting: (keyof Pins)[] = [];
  for (const part of text.split(',')) {
    const [, name, bits] = /^\s*(first|last)\s*(?:=\s*(\d+|auto)\s*)?$/.exec(part) ?? [];
    if (!name)
      throw new InvalidArgumentError('Expected, for example, auto, first,last=8, first=4,last=6 or first=8.');
    waiting.push(name as keyof Pins);
    if (!bits) continue;
    for (const each of waiting) result[each] = bits === 'auto' ? bits : bitWidth(bits);
    waiting = [];
  }
  if (waiting.length > 0) throw new InvalidArgumentError('It ends with bits, as in first,last=8.');
  return result;
}

function bitWidth(text: string): BitWidth {
  const value = Number(text);
  if (text === '' || !isBitWidth(value)) throw new InvalidArgumentError('Bits are 2 to 8, 16 or 32.');
  return value;
}

function widths(text: string): BitWidth[] {
  const list = parseWidths(text);
  if (!list)
    throw new InvalidArgumentError('Expected, for example, 4-8 or 2,4,8; widths are 2 to 8, 16 and 32.');
  return list;
}

function groups(text: string): number[] {
  const list = text.split(',').map((part) => (part.trim() === 'channel' ? 0 : Number(part)));
  const isKnown = (group: number) => group === 0 || (GROUP_SIZES as readonly number[]).includes(group);
  if (!list.every(isKnown))
    throw new InvalidArgumentError(
      'Expected, for example, channel,128 or 32; groups are channel, 128, 64 and 32.',
    );
  return [...new Set(list)];
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null) throw new InvalidArgumentError('Expected, for example, 1.5MB, 900KB or 1.5MiB.');
  return bytes;
}

function numbers(text: string): number[] {
  const list = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (list.some((x) => !Number.isFinite(x)))
    throw new InvalidArgumentError('Expected, for example, 0.5,0.5,0.5.');
  return list;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It is a whole number of at least 1.');
  return value;
}

/** Orthogonality is between samples. */
function atLeastTwo(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 2)
    throw new InvalidArgumentError('It is a whole number of at least 2.');
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError('It is a whole number of at least 0.');
  }
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('It is a number of at least 0.');
  }
  return value;
}

/** As the config takes it. */
function averageBits(text: string): number {
  const value = positiveNumber(text);
  if (value < 1 || value > 32) throw new InvalidArgumentError('It is a number from 1 to 32.');
  return value;
}

function ratio(text: string): number {
  const value = positiveNumber(text);
  if (value < 1) throw new InvalidArgumentError('It is a number of at least 1.');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}
