/**
 * How long the exact allocation takes, and HiGHS (WebAssembly, gap 0, 10 s at most) on the same problems in the same
 * run: seven widths, bytes that are not linear in the bits, five kinds of weights, two of which leave bounds nothing to
 * cut. Processor time in milliseconds, so that other work on the machine does not count; of ours the median and the
 * worst of several budgets, of HiGHS one budget.
 *
 * node bench/run.mjs allocation [--without-highs] [--points]   (--points: only curves of the noise-aware objective)
 */
import loadHighs, { type Highs } from 'highs';
import { mulberry32 } from '../src/common/random';
import { allocate } from '../src/core/allocation/allocation';
import { allocateNoiseAware, noiseOf } from '../src/core/allocation/noiseObjective';
import { paretoCurve } from '../src/core/allocation/pareto';
import { sampleCurve } from '../src/core/allocation/paretoSample';
import type { Allocation, AllocationProblem, Choice, Width } from '../src/core/problem/problem';
import { byHighs, linear, type Score } from '../test/support/allocation/oracle';
import { networkLike, SHAPES, withMoreLimits } from '../test/support/allocation/problems';

const AVERAGES = [3.3, 2.4, 4.6, 5.5, 6.7];
const withHighs = !process.argv.includes('--without-highs');

interface Case {
  name: string;
  problemAt: (functions: number, averageBits: number) => AllocationProblem;
  solve: (problem: AllocationProblem) => Allocation;
  /** What is maximised. */
  score: Score;
}

const paper = { solve: (p: AllocationProblem) => allocate(p, { timeLimit: 60_000 }), score: linear };
const noiseAware = {
  solve: (p: AllocationProblem) => allocateNoiseAware(p, 'noise-aware', { timeLimit: 60_000 }),
  score: ((c, choice) => -noiseOf('noise-aware')(c, choice)) as Score,
};

const cases: Case[] = [
  ...SHAPES.map((shape) => ({
    name: `paper's objective, size, weights ${shape}`,
    problemAt: (functions: number, bits: number) => networkLike(functions, shape, bits),
    ...paper,
  })),
  {
    name: "paper's objective, size and BOPs",
    problemAt: (functions, bits) => withMoreLimits(networkLike(functions, 'spread', bits), ['bops']),
    ...paper,
  },
  {
    name: "paper's objective, size, BOPs and latency",
    problemAt: (functions, bits) =>
      withMoreLimits(networkLike(functions, 'spread', bits), ['bops', 'latency']),
    ...paper,
  },
  {
    name: 'noise-aware, size',
    problemAt: (functions, bits) => withNoise(networkLike(functions, 'spread', bits)),
    ...noiseAware,
  },
  {
    name: 'noise-aware, size and BOPs',
    problemAt: (functions, bits) =>
      withNoise(withMoreLimits(networkLike(functions, 'spread', bits), ['bops'])),
    ...noiseAware,
  },
];

function withNoise(problem: AllocationProblem): AllocationProblem {
  const next = mulberry32(problem.candidates.length);
  for (const { choices } of problem.candidates) {
    const level = 10 * Math.exp(2 * next() - 1);
    for (const choice of choices) choice.noise = level * 4 ** -choice.bits * (1 + 0.2 * next());
  }
  return problem;
}

function timed<T>(run: () => T): { result: T; milliseconds: number } {
  const start = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(start);
  return { result, milliseconds: (user + system) / 1000 };
}

function row({ name, problemAt, solve, score }: Case, functions: number, highs: Highs | null): string {
  const runs = AVERAGES.map((bits) => timed(() => solve(problemAt(functions, bits))));
  const times = runs.map((run) => run.milliseconds).sort((a, b) => a - b);
  const proven = runs.filter(({ result }) => result.solver.status === 'optimal').length;
  const gap = Math.max(...runs.map(({ result }) => result.solver.gap));
  const ours = `${times[times.length >> 1].toFixed(0)} | ${times[times.length - 1].toFixed(0)} | ${proven} of ${runs.length}`;
  const start = `| ${functions} | ${name} | ${ours}${proven < runs.length ? ` (gap ${gap.toExponential(0)})` : ''} |`;
  if (highs === null) return start;
  const { result, milliseconds } = timed(() => byHighs(highs, problemAt(functions, AVERAGES[0]), score, 10));
  const objective = Math.abs(runs[0].result.solver.objective);
  const difference = result ? (Math.abs(result.objective) - objective) / objective : NaN;
  const status = result?.optimal ? '' : ', stopped';
  return `${start} ${milliseconds.toFixed(0)}${status} | ${difference.toExponential(1)} |`;
}

async function main(): Promise<void> {
  const highs = withHighs ? await loadHighs() : null;
  console.log(
    `| functions | objective, limits, weights | median | worst | proven |${withHighs ? ' HiGHS | its objective - ours, relative |' : ''}`,
  );
  console.log(`|---|---|---|---|---|${withHighs ? '---|---|' : ''}`);
  cases.forEach((c) => row(c, 18, null)); // compiles everything once
  for (const functions of [53, 110, 300]) for (const c of cases) console.log(row(c, functions, highs));

  console.log(
    '\n| functions | weights | points of the whole Pareto curve | ms | points of its hull | ms |\n|---|---|---|---|---|---|',
  );
  for (const functions of [53, 110, 300]) {
    for (const shape of SHAPES) {
      const problem = networkLike(functions, shape, 4);
      const whole = timed(() => paretoCurve(problem));
      const hull = timed(() => paretoCurve(problem, { maxPoints: 0 }));
      const points = whole.result.isComplete ? whole.result.size.length : 'too many';
      console.log(
        `| ${functions} | ${shape} | ${points} | ${whole.milliseconds.toFixed(0)} | ${hull.result.size.length} | ${hull.milliseconds.toFixed(0)} |`,
      );
    }
  }

  curves();
}

/** As `ompq pareto` gives them where the whole curve is too much. */
function curves(): void {
  console.log(
    '\n| functions | objective | limits beside size | sizes asked | points found, each exact | ms, all together | again |\n|---|---|---|---|---|---|---|',
  );
  for (const functions of [53, 110]) {
    for (const more of [[], ['bops']] as const) {
      const problem = withNoise(withMoreLimits(networkLike(functions, 'spread', 4), [...more]));
      const value = (candidate: Width, choice: Choice): number => -noiseOf('noise-aware')(candidate, choice);
      const points = 50;
      const { result, milliseconds } = timed(() => [...sampleCurve(problem, points, value)]);
      // Compiled by now.
      const again = timed(() => [...sampleCurve(problem, points, value)]);
      const exact = result.every(({ solver }) => solver.status === 'optimal');
      console.log(
        `| ${functions} | noise-aware | ${more.join() || 'none'} | ${points} | ${result.length}${exact ? '' : ' (not all proven)'} | ${milliseconds.toFixed(0)} | ${again.milliseconds.toFixed(0)} |`,
      );
    }
  }
}

if (process.argv.includes('--points')) {
  curves();
} else {
  void main();
}
