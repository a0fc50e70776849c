/** `ompq pareto CONFIG...`: the best allocation at every size, from what the configs hold. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { resolve } from 'node:path';
import { formatSize } from '../common/sizes';
import { type Config, readConfig } from '../config/config';
import { modelPathOf } from '../config/paths';
import { decidedBy, winnerOf } from '../config/winner';
import { SettingsError } from '../core/allocation/buildProblem';
import {
  type AllocationInputs,
  type FixedObjective,
  OBJECTIVES,
  valueOf,
} from '../core/allocation/objectives';
import { paretoCurve } from '../core/allocation/pareto';
import { sampleCurve } from '../core/allocation/paretoSample';
import type { BitWidth } from '../core/problem/widths';
import { materialOfConfig } from '../pipeline/resolve';
import { printJson, printLines, withSession } from './session';
import { table } from './table';

interface Flags {
  points: number;
  objective?: FixedObjective;
  json?: boolean;
  csv?: boolean;
}

interface Point {
  bytes: number;
  averageBits: number;
  /** As "ompq quantize" prints it: noise is the less the better. */
  objective: number;
  bits: BitWidth[];
  activationBits?: number[];
}

interface Curve {
  config: string;
  objective: FixedObjective;
  /** Every distinct optimum; false: some sizes, each solved exactly. */
  isWhole: boolean;
  functions: string[];
  points: Point[];
}

/** A curve of more points is more than anybody asked for: the last ones differ in a few bytes. */
const MOST_POINTS = 10_000;

export function paretoCommand(): Command {
  return new Command('pareto')
    .description(
      'The best allocation at every size, from configs that "ompq quantize" wrote, without scoring again: the whole ' +
        'curve for the orthogonality objective, exact solutions at evenly spaced sizes for noise and beside other limits.',
    )
    .argument('<CONFIG...>', '.ompq.json files')
    .option('--points <N>', 'sizes to solve at, where the curve is not the whole one', points, 50)
    .addOption(
      new Option('--objective <NAME>', "instead of the config's own").choices(
        OBJECTIVES.filter((each) => each !== 'auto' && each !== 'uniform'),
      ),
    )
    .addOption(new Option('--json', 'print one JSON document').conflicts('csv'))
    .option('--csv', 'print a table with a row per point, for spreadsheets')
    .action(async (files: string[], flags: Flags) => {
      const curves = await withSession(async ({ engine, options }) => {
        const found: Curve[] = [];
        for (const file of files) {
          const path = resolve(file);
          if (/\.onnx$/i.test(path)) {
            throw new SettingsError(`${file} is a model: give its config, which "ompq quantize" writes.`);
          }
          const config = await readConfig(path);
          const { granularity } = config.scoring;
          const { shapes, branches } = config.calibration;
          const model = modelPathOf(config, path);
          const request = { kind: 'inspect' as const, model, granularity, shapes, branches };
          const inspect = await engine.request(request, options);
          found.push(curveOf(file, config, materialOfConfig(config, inspect), flags));
        }
        return found;
      });
      if (flags.json) printJson(curves);
      else printLines(flags.csv ? forSpreadsheets(curves) : curves.flatMap(forPeople));
    });
}

function points(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 2 || value > MOST_POINTS)
    throw new InvalidArgumentError(`It is a whole number from 2 to ${MOST_POINTS}.`);
  return value;
}

function curveOf(
  file: string,
  config: Config,
  { problem, gamma, scoring }: AllocationInputs,
  flags: Flags,
): Curve {
  const { contest } = config;
  const winner = winnerOf(contest);
  const own = decidedBy(config);
  // Of one width for all there is no curve: the best of the same measurements stands in.
  const hasNoise = problem.candidates.every((c) => c.choices.every(({ noise }) => noise !== undefined));
  const standIn = hasNoise ? 'noise-aware' : 'orthogonality';
  const objective = flags.objective ?? (own === 'uniform' ? standIn : own);
  const beta = (winner?.objective === objective ? winner.beta : undefined) ?? scoring.beta;
  const value = valueOf(objective, gamma, { ...scoring, beta });
  // The budget is what the curve runs along; the limits beside it hold.
  const within = { ...problem, budgets: problem.budgets.slice(1) };
  const isLinear = objective === 'orthogonality' && within.budgets.length === 0;
  const whole = isLinear ? paretoCurve(problem, { objective: value, maxPoints: MOST_POINTS }) : null;
  const params = config.functions.map((f) => f.params);
  const sign = objective === 'orthogonality' ? 1 : -1;
  const point = (bytes: number, sum: number, bits: BitWidth[], activationBits?: number[]): Point => ({
    bytes,
    averageBits: average(bits, params),
    objective: sign * sum,
    bits,
    activationBits,
  });
  const found = whole
    ? Array.from(whole.size, (bytes, i) => point(bytes, whole.objective[i], whole.bitsAt(i)))
    : [...sampleCurve(within, flags.points, value)].map((a) =>
        point(a.sizeBytes, a.solver.objective, a.bits, a.activationBits),
      );
  return {
    config: file,
    objective,
    isWhole: whole?.isComplete ?? false,
    functions: config.functions.map((f) => f.name),
    points: found,
  };
}

function average(bits: readonly BitWidth[], params: readonly number[]): number {
  const total = params.reduce((a, b) => a + b, 0);
  return bits.reduce<number>((sum, b, i) => sum + b * params[i], 0) / total;
}

const isSearched = ({ points }: Curve): boolean => points.some((p) => p.activationBits !== undefined);

function forPeople(curve: Curve): string[] {
  const { config, objective, isWhole, points } = curve;
  const activations = isSearched(curve);
  return [
    `${config}: ${objective}, ${points.length} points, ${isWhole ? 'the whole curve' : 'some of the curve'}`,
    ...table(
      ['bytes', 'size', 'average', 'objective', 'bits', ...(activations ? ['act bits'] : [])],
      points.map((p) => [
        String(p.bytes),
        formatSize(p.bytes),
        p.averageBits.toFixed(3),
        p.objective.toPrecision(6),
        p.bits.join(' '),
        ...(activations ? [p.activationBits?.join(' ') ?? ''] : []),
      ]),
    ),
    '',
  ];
}

function forSpreadsheets(curves: Curve[]): string[] {
  const activations = curves.some(isSearched);
  const rows = curves.flatMap(({ config, objective, points }) =>
    points.map((p) => [
      quoted(config),
      objective,
      p.bytes,
      p.averageBits,
      p.objective,
      p.bits.join(' '),
      ...(activations ? [p.activationBits?.join(' ') ?? ''] : []),
    ]),
  );
  const head = ['config', 'objective', 'bytes', 'average_bits', 'value', 'bits'];
  return [[...head, ...(activations ? ['activation_bits'] : [])], ...rows].map((row) => row.join(','));
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
