import { Command, Option } from 'commander';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatSize, formatAverage } from '../common/sizes';
import { type BudgetSpec, budgetUse, formatBudget } from '../config/budget';
import { type Config, CONFIG_SUFFIX, readConfig, replacedConfig } from '../config/config';
import { writeConfig } from '../config/format';
import { configPathFor } from '../config/paths';
import { BIT_WIDTHS, type BitWidth } from '../core/problem/widths';
import type { InspectReply } from '../engine/protocol';
import type { ReadBits } from '../interop/format';
import { READABLE } from '../interop/formats/formats';
import { list, type NameMap } from '../interop/names';
import { checkModel, inspectFor, movedConfig } from '../pipeline/configured';
import { readForeign, readNameMap, withGivenBits } from '../pipeline/foreign';
import { quantize } from '../pipeline/quantize';
import { inspectRequest } from '../pipeline/score';
import { type ScoreSettings } from '../pipeline/settings';
import { addScoreOptions, type ScoreFlags, askedScore, scoreSettings } from './options';
import { printJson, printLines, type Session, withSession } from './session';

interface Flags extends ScoreFlags {
  format?: string;
  nameMap?: string;
  out?: string;
  json?: boolean;
}

interface Imported {
  path: string;
  config: Config;
  read: ReadBits;
}

export function importCommand(): Command {
  return addScoreOptions(
    new Command('import')
      .description(
        "Read bits from another tool's file and lock them in a config. A model without a config is scored first, " +
          'for which --data or --synthetic is needed.',
      )
      .argument('<FILE>', "the other tool's file")
      .argument('<MODEL|CONFIG>', 'an .onnx file or its .ompq.json'),
  )
    .addOption(
      new Option('--format <ID>', "the file's format (default: recognized by its content)").choices(
        READABLE.map((f) => f.id),
      ),
    )
    .option('--name-map <FILE>', "JSON from names of nodes or weights to the other tool's names")
    .option('--out <FILE>', 'the config to write (default: the one that is updated)')
    .option('--json', 'print one JSON document')
    .action(async (file: string, target: string, flags: Flags, command: Command) => {
      const names =
        flags.nameMap === undefined ? new Map<string, string>() : await readNameMap(resolve(flags.nameMap));
      const isConfig = target.endsWith(CONFIG_SUFFIX);
      const configPath = isConfig ? resolve(target) : configPathFor(resolve(target));
      const out = flags.out === undefined ? configPath : resolve(flags.out);
      const job = { file: resolve(file), format: flags.format, names, configPath, out };
      const asked = isConfig || existsSync(configPath) ? null : askedScore(target, flags, command);
      const done = await withSession(
        async (session) =>
          asked
            ? importScored(session, job, await scoreSettings(session, asked))
            : importInto(session, job, isConfig ? null : resolve(target)),
        flags.cache,
      );
      if (flags.json) printJson(toJson(done));
      else printLines(forPeople(done));
    });
}

interface Job {
  file: string;
  format: string | undefined;
  names: NameMap;
  /** The config that is there, or would be. */
  configPath: string;
  /** The config that is written. */
  out: string;
}

/** @param model that the config has to belong to, if one was named */
async function importInto(
  { engine, options, note }: Session,
  job: Job,
  model: string | null,
): Promise<Imported> {
  const { configPath, out } = job;
  const config = await readConfig(configPath);
  if (model !== null) checkModel(config, configPath, model);
  const inspect = await inspectFor(engine, configPath, config, options);
  const read = await readInto(job, inspect, note);
  if (out !== configPath) await replacedConfig(out);
  const changed = movedConfig(withGivenBits(config, read.bits, inspect), configPath, out);
  await writeConfig(out, changed);
  return { path: out, config: changed, read };
}

async function importScored(
  { engine, options, note }: Session,
  job: Job,
  score: ScoreSettings,
): Promise<Imported> {
  const inspect = await engine.request(inspectRequest(score), { signal: options.signal });
  const read = await readInto(job, inspect, note);
  const allocation = {
    objective: 'orthogonality' as const,
    budget: budgetOf(read.bits, inspect),
    widths: BIT_WIDTHS.filter((bits) => bits <= 8),
    pin: null,
    locks: Object.fromEntries(read.bits),
  };
  const { config } = await quantize(engine, score, allocation, job.out, options);
  return { path: job.out, config, read };
}

async function readInto(job: Job, { network }: InspectReply, note: Session['note']): Promise<ReadBits> {
  const read = await readForeign(job.file, job.format, network, job.names);
  for (const warning of read.warnings) note(`warning: ${warning}`);
  if (read.unknown.length > 0) note(`warning: the model has no function for ${list(read.unknown, 20)}.`);
  const left = network.functions.filter((f) => !read.bits.has(f.name)).map((f) => f.name);
  if (left.length > 0) note(`warning: the file says nothing of ${list(left, 20)}.`);
  return read;
}

/** Just enough for the given bits; functions that the file does not name get the average of those that it does. */
function budgetOf(bits: ReadonlyMap<string, BitWidth>, { network, size }: InspectReply): BudgetSpec {
  const given = network.functions.filter((f) => bits.has(f.name));
  const width = (name: string): BitWidth => bits.get(name) as BitWidth;
  if (given.length === network.functions.length) {
    const used = network.functions.map((f, i) => size.functionBytes[i][width(f.name)]);
    return { bytes: used.reduce((a, b) => a + b, size.fixedBytes) };
  }
  const params = given.reduce((sum, f) => sum + f.params, 0);
  const total = given.reduce((sum, f) => sum + f.params * width(f.name), 0);
  return { averageBits: Math.ceil((total / params) * 1e4) / 1e4 };
}

function toJson({ path, config, read }: Imported) {
  return {
    config: path,
    bits: Object.fromEntries(read.bits),
    unknown: read.unknown,
    warnings: read.warnings,
    sizeBytes: config.totals.bytes,
    averageBits: config.totals.averageBits,
  };
}

function forPeople({ path, config, read }: Imported): string[] {
  const { functions, totals, model } = config;
  const { budget } = config.allocation;
  const use = budgetUse(budget, totals, totals.budgetBytes);
  return [
    `locked the bits of ${read.bits.size} of ${functions.length} functions`,
    `${formatSize(model.bytes)} -> ${formatSize(totals.bytes)}, ${formatAverage(totals.averageBits)} bits on average`,
    ...(use > 1
      ? [`${(100 * (use - 1)).toFixed(1)} % over the config's budget of ${formatBudget(budget)}`]
      : []),
    `wrote ${path}`,
  ];
}
