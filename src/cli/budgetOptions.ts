/** The options that say what is to be decided: budget, limits, widths, rules. */
import { type Command, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ioError } from '../common/fileErrors';
import { decodeText } from '../common/text';
import { type BudgetSpec, WHOLE } from '../config/budget';
import type { Pins, Quality } from '../config/config';
import { type LatencyTable, parseLatencyTable } from '../config/latency';
import { LIMIT_KINDS, type Limits } from '../config/limits';
import type { Rules } from '../config/rules';
import { parseWidths } from '../config/widths';
import { type Objective, OBJECTIVES } from '../core/allocation/objectives';
import type { BitWidth } from '../core/problem/widths';
import type { ContestRequest } from '../engine/protocol';
import type { AllocationSettings } from '../pipeline/settings';
import {
  activationBits,
  activationWidths,
  averageBits,
  collectLock,
  collectRule,
  collectTie,
  groups,
  limit,
  pins,
  positive,
  quality,
  ratio,
  seconds,
  size,
  widths,
} from './arguments';

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
