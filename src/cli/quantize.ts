import type { PinCost } from '../core/allocation/pins';
import { pinCostOf } from '../pipeline/resolve';
import { Command } from 'commander';
import { resolve } from 'node:path';
import { formatSize, formatAverage } from '../common/sizes';
import { formatBudget } from '../config/budget';
import type { Config, ContestEntry, MeasuredSize } from '../config/config';
import { formatLimit, LIMIT_NAMES } from '../config/limits';
import { limitUse } from '../config/limitUse';
import { neededActivations, neededSentence } from '../config/neededActivations';
import { configPathFor } from '../config/paths';
import { formatQuality } from '../config/quality';
import { IMPROVED, winnerOf } from '../config/winner';
import { quantize, type QuantizeResult } from '../pipeline/quantize';
import { averageOverAll, stayingNotes } from '../pipeline/shares';
import { allocationNotes } from './allocationNotes';
import { addBudgetOptions, allocationSettings, type BudgetFlags } from './budgetOptions';
import { addScoreOptions, askedScore, type ScoreFlags, scoreSettings } from './options';
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
      const asked = askedScore(model, flags, command);
      const allocation = await allocationSettings(flags, command);
      const out = flags.out === undefined ? configPathFor(asked.model) : resolve(flags.out);
      const result = await withSession(async (session) => {
        const { engine, options, note } = session;
        const score = await scoreSettings(session, asked);
        const done = await quantize(engine, score, allocation, out, options);
        noteScore(done.scored, note);
        if (done.cached && done.config.contest)
          note('noise and the comparison of allocations from the cache, too');
        if (done.kept.length > 0) note(`kept the locked or edited bits of ${done.kept.join(', ')}`);
        for (const line of allocationNotes(done.config, flags.bootstrap)) note(line);
        return done;
      }, flags.cache);
      if (flags.json) printJson(toJson(result));
      else printLines(forPeople(result));
    });
}

function qualityLine({ allocation }: Config): string[] {
  const { quality } = allocation;
  if (!quality) return [];
  const found = 'noise' in quality ? 'the smallest file' : 'the smallest file found';
  return [`${found} with ${formatQuality(quality)}`];
}

function toJson({ config, configPath, allocation, scored, kept, cached }: QuantizeResult) {
  return {
    bits: Object.fromEntries(config.functions.map((f) => [f.name, f.bits])),
    groups: config.functions.some((f) => f.group)
      ? Object.fromEntries(config.functions.map((f) => [f.name, f.group ?? 0]))
      : undefined,
    activationBits: config.functions.every((f) => f.activationBits !== undefined)
      ? Object.fromEntries(config.functions.map((f) => [f.name, f.activationBits]))
      : undefined,
    sizeBytes: config.totals.bytes,
    budgetBytes: config.totals.budgetBytes,
    averageBits: config.totals.averageBits,
    averageBitsOverAll: averageOverAll(
      scored.inspect,
      config.functions.map((f) => f.bits),
    ),
    shares: scored.inspect.shares,
    pins: pinCostOf(config, scored.inspect),
    limits: limitUse(config, activationsOf(scored)),
    robustness: config.robustness,
    contest: config.contest,
    solver: allocation.solver,
    config: configPath,
    synthetic: scored.score.synthetic,
    cached: scored.cached,
    allCached: cached,
    kept,
  };
}

function activationsOf({ inspect }: QuantizeResult['scored']): (number | null | undefined)[] {
  return inspect.network.functions.map((f) => f.activations);
}

function forPeople({ config, configPath, scored }: QuantizeResult): string[] {
  const pins = pinCostOf(config, scored.inspect);
  const { totals, model, robustness } = config;
  const activations = activationsOf(scored);
  const needed = neededActivations(config);
  const isSearched = config.allocation.activationWidths !== undefined;
  return [
    ...table(
      [
        'function',
        'bits',
        ...(isSearched ? ['act bits'] : []),
        'params',
        'bytes',
        'gamma',
        'importance',
        ...(robustness ? ['kept'] : []),
      ],
      config.functions.map((f, i) => [
        f.name,
        `${f.bits}${f.group ? ` by ${f.group}` : ''}${f.lock ? ' locked' : ''}`,
        ...(isSearched ? [String(f.activationBits ?? '')] : []),
        count(f.params),
        formatSize(f.bytes),
        f.gamma.toFixed(3),
        f.importance.toPrecision(3),
        ...(robustness ? [`${Math.round(100 * robustness.kept[i])} %`] : []),
      ]),
    ),
    '',
    `${formatSize(model.bytes)} -> ${formatSize(totals.bytes)} (1/${(model.bytes / totals.bytes).toFixed(2)}), ` +
      `${formatAverage(totals.averageBits)} bits on average${budgetText(config)}`,
    ...stayingNotes(
      scored.inspect,
      config.functions.map((f) => f.bits),
    ),
    ...limitUse(config, activations).map(
      ({ kind, used, limit }) =>
        `${LIMIT_NAMES[kind]}: ${formatLimit(kind, used)} of ${formatLimit(kind, limit)}`,
    ),
    ...qualityLine(config),
    ...pinLine(config, pins),
    ...contestLine(config),
    ...lossLine(config),
    solverLine(config),
    ...(needed ? [neededSentence(needed)] : []),
    `wrote ${configPath}`,
  ];
}

/** The float model's own size stands for none. */
function budgetText({ allocation: { budget } }: Config): string {
  return 'ratio' in budget && budget.ratio === 1 ? '' : `; budget ${formatBudget(budget)}`;
}

/** What is pinned, and what that leaves for all others. */
function pinLine({ functions }: Config, cost: PinCost | null): string[] {
  if (!cost || cost.pinned.length === functions.length) return [];
  const names = cost.pinned.map((i) => `${functions[i].name} at ${functions[i].bits} bits`).join(', ');
  return [
    `pinned: ${names}: ${formatSize(cost.bytes)}, ${(100 * cost.share).toFixed(1)} % of the weight bytes; ` +
      `the others have ${cost.otherBits.toFixed(2)} bits on average`,
  ];
}

/** Which allocation was best on the inputs, and how far behind those with other bits are; without what swaps have found. */
function contestLine({ contest }: Config): string[] {
  if (!contest || contest.candidates.length < 2) return [];
  const compared = contest.candidates.filter(({ name }) => !name.endsWith(IMPROVED));
  const isKl = compared.every(({ kl }) => kl !== null);
  const cost = ({ kl, sqnrDb }: ContestEntry): number => (isKl ? kl! : -(sqnrDb ?? Infinity));
  const value = ({ kl, sqnrDb }: ContestEntry): string => {
    const shown = isKl ? kl : sqnrDb;
    return shown === null ? 'no error' : String(Number(shown.toPrecision(2)));
  };
  const winner = compared.find(
    ({ name }) => contest.chosen === name || contest.chosen === `${name}${IMPROVED}`,
  );
  if (!winner) return [];
  const measured = `${isKl ? 'KL divergence' : 'SQNR in dB'} ${value(winner)}`;
  const others = compared
    .filter(({ bits }) => bits.join() !== winner.bits.join())
    .sort((a, b) => cost(a) - cost(b))
    .map((entry) => `${entry.name}: ${value(entry)}${entry.samples === undefined ? '' : ', given up'}`);
  return [
    others.length > 0
      ? `${winner.name} won of ${compared.length} candidates: ${measured} (${others.join('; ')})`
      : `all ${compared.length} candidates have the same bits: ${measured}`,
  ];
}

/** What the user loses at this size and at those around it: in answers that change, where the model answers. */
function lossLine({ contest, totals }: Config): string[] {
  const winner = winnerOf(contest);
  if (!contest?.curve || !winner) return [];
  const isAnswer = winner.agreement !== null;
  const loss = ({ agreement, sqnrDb }: MeasuredSize): string =>
    isAnswer && agreement !== null
      ? `${(100 * (1 - agreement)).toFixed(1)} % of the answers change`
      : sqnrDb === null
        ? 'nothing changes'
        : `SQNR ${sqnrDb.toFixed(1)} dB`;
  const others = contest.curve.map((point) => `${formatSize(point.bytes)}: ${loss(point)}`);
  const how =
    contest.rounding === 'reconstruct'
      ? ''
      : `, rounded by ${contest.rounding}; an export reconstructs, and loses less`;
  return [
    `at ${formatSize(totals.bytes)} ${loss(winner)} (${others.join('; ')}), measured on ${contest.samples} inputs${how}`,
  ];
}

/** The certificate; what swaps have found has none, but a measured gain. */
function solverLine({ solver, contest }: Config): string {
  const found = winnerOf(contest);
  const before = contest?.candidates.find(
    (entry) => entry !== found && entry.objective === found?.objective && entry.beta === found.beta,
  );
  if (solver.status === 'feasible' && found && before) {
    const [name, was, is] =
      found.kl === null || before.kl === null
        ? ['SQNR in dB', before.sqnrDb, found.sqnrDb]
        : ['KL divergence', before.kl, found.kl];
    return `the exact answer of ${before.name}, improved by trying swaps on your inputs: ${name} ${was} -> ${is}`;
  }
  return (
    `${solver.status}: objective ${solver.objective.toPrecision(7)}, ` +
    `bound ${solver.bound.toPrecision(7)}, gap ${solver.gap.toExponential(1)}`
  );
}
