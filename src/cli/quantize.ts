import { resolve } from 'node:path';
import { Command } from 'commander';
import { formatBudget, formatSize } from '../config/budget';
import { configPathFor, quantize, type QuantizeResult } from '../pipeline';
import {
  addBudgetOptions,
  addScoreOptions,
  allocationSettings,
  scoreSettings,
  type BudgetFlags,
  type ScoreFlags,
} from './options';
import { noteScore } from './score';
import { printJson, printLines, withSession } from './session';
import { count, table } from './table';

interface Flags extends ScoreFlags, BudgetFlags {
  out?: string;
  json?: boolean;
}

export function quantizeCommand(): Command {
  return addScoreOptions(
    addBudgetOptions(
      new Command('quantize')
        .description('Score a model, solve the integer program and write the quantization config.')
        .argument('<MODEL>', 'an .onnx file'),
    ),
  )
    .option('--out <FILE>', 'the config (default: <model>.ompq.json next to the model)')
    .option('--json', 'print one JSON document')
    .action(async (model: string, flags: Flags, command: Command) => {
      const score = scoreSettings(model, flags, command);
      const allocation = allocationSettings(flags, command);
      const out = flags.out === undefined ? configPathFor(score.model) : resolve(flags.out);
      const result = await withSession(async ({ engine, options, note }) => {
        const done = await quantize(engine, score, allocation, out, options);
        noteScore(done.scored, note);
        if (done.cached && done.config.contest)
          note('noise and the comparison of allocations from the cache, too');
        if (done.kept.length > 0) note(`kept the locked or edited bits of ${done.kept.join(', ')}`);
        return done;
      }, flags.cache);
      if (flags.json) printJson(toJson(result));
      else printLines(forPeople(result));
    });
}

function toJson({ config, configPath, allocation, scored, kept, cached }: QuantizeResult) {
  return {
    bits: Object.fromEntries(config.functions.map((f) => [f.name, f.bits])),
    sizeBytes: config.totals.bytes,
    budgetBytes: config.totals.budgetBytes,
    averageBits: config.totals.averageBits,
    solver: allocation.solver,
    config: configPath,
    synthetic: scored.score.synthetic,
    cached: scored.cached,
    allCached: cached,
    kept,
  };
}

function forPeople({ config, configPath }: QuantizeResult): string[] {
  const { totals, solver, model } = config;
  return [
    ...table(
      ['function', 'bits', 'params', 'bytes', 'gamma', 'importance'],
      config.functions.map((f) => [
        f.name,
        f.lock ? `${f.bits} locked` : String(f.bits),
        count(f.params),
        formatSize(f.bytes),
        f.gamma.toFixed(3),
        f.importance.toPrecision(3),
      ]),
    ),
    '',
    `${formatSize(model.bytes)} -> ${formatSize(totals.bytes)} (1/${(model.bytes / totals.bytes).toFixed(2)}), ` +
      `${totals.averageBits.toFixed(2)} bits on average; budget ${formatBudget(config.allocation.budget)}`,
    `${solver.status} in ${solver.milliseconds.toFixed(0)} ms: objective ${solver.objective.toPrecision(7)}, ` +
      `bound ${solver.bound.toPrecision(7)}, gap ${solver.gap.toExponential(1)}`,
    `wrote ${configPath}`,
  ];
}
