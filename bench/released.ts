/**
 * Beside the released algorithm: the same ORM, the same budget, continuous bits by SLSQP and np.around. On a linear
 * objective SLSQP's quadratic program with its first Hessian, the identity, is a unit step along the gradient projected
 * on the limits; it stops when the objective changes by less than 1e-6 (SciPy's ftol) or after 100 steps (maxiter). Its
 * weights are the released ones, from e^(-beta gamma) as it is. "Converged" is the relaxation's exact optimum, rounded the
 * same way: the best that the released algorithm could do. Written from the method, not copied.
 *
 *   node bench/run.mjs released        (needs npm run build)
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import type { DataSpec } from '../src/calibration/inputs/spec';
import { allocate } from '../src/core/allocation/allocation';
import { importance } from '../src/core/scoring/importance';
import { gramToOrm } from '../src/core/scoring/orthogonality';
import type { AllocationProblem } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import { Engine } from '../src/engine/client';
import { ModelProtoSchema } from '../src/onnx/proto/onnx_pb';
import { mobilenetV2 } from '../test/support/models/zoo';

interface Scored {
  name: string;
  params: number[];
  gamma: number[];
}

const SETTINGS: { widths: BitWidth[]; averages: number[]; beta: number }[] = [
  { widths: [4, 5, 6, 7, 8], averages: [5, 6], beta: 1 },
  { widths: [2, 3, 4], averages: [2.5, 3], beta: 1 },
];
const STEPS = 100;
const TOLERANCE = 1e-6;

/** c_i of the released scripts: theta as it underflows, mean over the functions from i on. */
function releasedWeights(gamma: number[], beta: number): number[] {
  const theta = gamma.map((value) => Math.exp(-beta * value));
  return theta.map((_, i) => theta.slice(i).reduce((a, b) => a + b, 0) / (theta.length - i));
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * b[i], 0);

/** The point nearest to x with every bit in its bounds and no more than `most` in sum p b. */
function projected(x: number[], params: number[], low: number, high: number, most: number): number[] {
  const scale = Math.max(...params);
  const at = (price: number): number[] =>
    x.map((value, i) => Math.min(high, Math.max(low, value - (price * params[i]) / scale)));
  if (dot(params, at(0)) <= most) return at(0);
  let [from, to] = [0, 1];
  while (dot(params, at(to)) > most) to *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (from + to) / 2;
    if (dot(params, at(middle)) > most) from = middle;
    else to = middle;
  }
  return at(to);
}

function slsqpLike(weights: number[], params: number[], low: number, high: number, most: number): number[] {
  let bits = params.map(() => low);
  for (let step = 0; step < STEPS; step++) {
    const next = projected(
      bits.map((b, i) => b + weights[i]),
      params,
      low,
      high,
      most,
    );
    const change = Math.abs(dot(weights, next) - dot(weights, bits));
    bits = next;
    if (change < TOLERANCE) break;
  }
  return bits;
}

/** Best value per byte first, the last function in part: the optimum of the relaxation. */
function converged(weights: number[], params: number[], low: number, high: number, most: number): number[] {
  const bits = params.map(() => low);
  let left = most - dot(params, bits);
  for (const i of [...params.keys()].sort((a, b) => weights[b] / params[b] - weights[a] / params[a])) {
    const more = Math.max(0, Math.min(high - low, left / params[i]));
    bits[i] += more;
    left -= more * params[i];
  }
  return bits;
}

/** np.around: halves go to the even neighbour. */
function around(value: number): number {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

function rows({ name, params, gamma }: Scored): void {
  for (const { widths, averages, beta } of SETTINGS) {
    const [low, high] = [widths[0], widths[widths.length - 1]];
    // The objective that all answers are compared by: the same weights in a scale that does not underflow.
    const least = Math.min(...gamma);
    const weights = releasedWeights(
      gamma.map((value) => value - least),
      beta,
    );
    for (const average of averages) {
      const total = params.reduce((a, b) => a + b, 0);
      const most = Math.floor(average * total);
      const problem: AllocationProblem = {
        candidates: params.map((count, i) => ({
          name: String(i),
          weight: weights[i],
          params: count,
          choices: widths.map((bits) => ({ bits, bytes: count * bits })),
        })),
        ties: [],
        fixedBytes: 0,
        budgets: [{ kind: 'bytes', bytes: most }],
      };
      const exact = allocate(problem);
      const answers: [string, number[]][] = [
        [
          'released, as it stops',
          slsqpLike(releasedWeights(gamma, beta), params, low, high, most).map(around),
        ],
        ['released, converged', converged(weights, params, low, high, most).map(around)],
        [`exact (${exact.solver.status})`, exact.bits],
      ];
      for (const [who, bits] of answers) {
        const use = (100 * dot(params, bits)) / most;
        const value = (100 * dot(weights, bits)) / exact.solver.objective;
        const verdict = use > 100 ? 'overruns' : use < 99.9 ? 'leaves some unused' : '';
        console.log(
          `| ${name} | ${low}-${high} | ${average} | ${who} | ${value.toFixed(2)} | ${use.toFixed(2)} | ${verdict} |`,
        );
      }
    }
  }
}

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'ompq-bench-'));
  const engine = new Engine({ script: resolve('dist/engine.js'), log: () => undefined });
  const mobilenet = join(scratch, 'mobilenet.onnx');
  writeFileSync(mobilenet, toBinary(ModelProtoSchema, mobilenetV2({ size: 64 })));
  const from = (folder: string): DataSpec => ({
    path: join(folder, 'calibration'),
    samples: 64,
    seed: 0,
    shapes: {},
    preprocessing: { preset: 'cifar10' },
  });
  const shared = resolve('../shared/data/cifar10');
  const synthetic: DataSpec = { ...from(''), path: null };
  const networks: [string, string, DataSpec][] = [
    ['the example', resolve('examples/resnet_cifar10.onnx'), from(resolve('examples'))],
    ['ResNet-20', join(shared, 'resnet20.onnx'), from(shared)],
    ['MobileNetV2 shapes', mobilenet, synthetic],
  ];
  console.log('| network | widths | average | algorithm | objective, % of exact | budget used, % | |');
  console.log('|---|---|---|---|---|---|---|');
  try {
    for (const [name, model, data] of networks) {
      if (!existsSync(model)) {
        console.log(`\n${name} is missing: not measured.\n`);
        continue;
      }
      const { network } = await engine.request({ kind: 'inspect', model, granularity: 'layer', shapes: {} });
      const { grams, samples } = await engine.request({
        kind: 'score',
        model,
        granularity: 'layer',
        data,
        provider: 'cpu',
        memoryLimit: 0,
      });
      const count = network.functions.length;
      const { gamma } = importance(gramToOrm(grams, count, samples, { centered: true }), count);
      rows({ name, params: network.functions.map((f) => f.params), gamma: [...gamma] });
    }
  } finally {
    engine.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
