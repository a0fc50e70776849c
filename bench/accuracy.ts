/**
 * Accuracy after quantization of the ResNet-20 in ../shared/data/cifar10 (or the example model): what rounding and
 * allocation are worth, weights only and with quantized activations (+a8); first and last function at 8 bits, counted in
 * the average.
 *
 *   node bench/run.mjs accuracy [--bits 2.5,3,4] [--rounding reconstruct] [--acts none,8] [--range percentile]
 *     [--kl] [--example] [--short]
 *
 * --short is the README's table: no bits, no seconds, the float file beside.
 *
 * --kl adds, per cell, what needs no labels: nats from the float model's outputs to the file's, on the calibration images
 * (which ranges and rounding saw) and on the test images (which they did not).
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { DataSpec } from '../src/calibration/inputs/spec';
import { openDataset } from '../src/calibration/open';
import { formatSize } from '../src/common/sizes';
import { allocate } from '../src/core/allocation/allocation';
import { buildProblem, type ProblemSettings } from '../src/core/allocation/buildProblem';
import { allocateNoiseAware } from '../src/core/allocation/noiseObjective';
import { allocateUniform } from '../src/core/allocation/uniform';
import type { BitWidth } from '../src/core/problem/widths';
import { importance } from '../src/core/scoring/importance';
import { gramToOrm } from '../src/core/scoring/orthogonality';
import { layerNoise } from '../src/engine/process/contest/noise';
import { evaluate } from '../src/engine/process/evaluate/evaluate';
import { exportModel } from '../src/engine/process/export/exportModel';
import { Job } from '../src/engine/process/job/job';
import { score } from '../src/engine/process/score/score';
import type { ActivationChoice, RangeMethod, RoundingMethod } from '../src/engine/protocol';
import { readModel } from '../src/onnx/files/file';
import { findNetwork } from '../src/onnx/network/functions';
import { predictedBytes, sizeModel } from '../src/onnx/packing/size';

const { values: args } = parseArgs({
  options: {
    bits: { type: 'string', default: '2,2.15,2.5,3,3.5,4' },
    rounding: { type: 'string', default: 'nearest,gptq,reconstruct' },
    acts: { type: 'string', default: 'none,8' },
    range: { type: 'string', default: 'percentile' },
    only: { type: 'string' },
    kl: { type: 'boolean', default: false },
    example: { type: 'boolean', default: false },
    samples: { type: 'string', default: '256' },
    short: { type: 'boolean', default: false },
    data: { type: 'string', default: process.env.OMPQ_BENCH_DATA ?? '../shared/data' },
  },
});

const folder = resolve(args.example ? 'examples' : join(args.data, 'cifar10'));
const path = join(folder, args.example ? 'resnet_cifar10.onnx' : 'resnet20.onnx');

/** Bits of a PyTorch prototype's noise-aware allocation at 2.5 bits, in network order. */
const prototype = '83443433333333222328';
const preprocessing = { preset: 'cifar10' as const };
const data = (name: string, samples: number): DataSpec => ({
  path: join(folder, name),
  samples,
  seed: 0,
  shapes: {},
  preprocessing,
});

const job = new Job(
  () => undefined,
  () => undefined,
);

interface Allocated {
  name: string;
  bits: number[];
}

async function allocations(target: number): Promise<Allocated[]> {
  const { network, size, weight, noise } = await prepared();
  const functions = network.functions.map(({ name, params }, i) => ({
    name,
    params,
    weight: weight[i],
    bytes: size.functionBytes[i],
    noise: noise[i],
  }));
  const problem = (widths: BitWidth[], average = target) => {
    const settings: ProblemSettings = {
      widths,
      pins: { first: 8, last: 8 },
      locks: {},
      ties: network.ties,
      fixedBytes: size.fixedBytes,
      budget: { kind: 'averageBits', bits: average },
    };
    return buildProblem(functions, settings);
  };
  const found: Allocated[] = [];
  // The first and the last function's 8 bits come on top of a uniform width.
  const uniform = allocateUniform(problem([2, 3, 4, 5, 6, 7, 8], target + 0.05));
  if (uniform && target === Math.floor(target)) found.push({ name: 'uniform', bits: uniform.bits });
  // With its ends at 8 bits, nothing else fits in 2.
  if (target === 2) return found;
  found.push({ name: 'OMPQ, widths 2-5', bits: allocate(problem([2, 3, 4, 5])).bits });
  if (target >= 3.1) found.push({ name: 'OMPQ, widths 3-5', bits: allocate(problem([3, 4, 5])).bits });
  found.push({
    name: 'noise-aware',
    bits: allocateNoiseAware(problem([2, 3, 4, 5, 6, 7, 8]), 'noise-aware').bits,
  });
  if (target === 2.5 && !args.example && !args.short)
    found.push({ name: "prototype's", bits: [...prototype].map(Number) });
  return found;
}

let preparation: ReturnType<typeof prepare> | undefined;
const prepared = () => (preparation ??= prepare());

async function prepare() {
  const model = await readModel(path);
  const network = findNetwork(model);
  const scored = await score(
    {
      kind: 'score',
      model: path,
      granularity: 'layer',
      data: data('calibration', 64),
      provider: 'cpu',
      memoryLimit: 0,
    },
    job,
  );
  const orm = gramToOrm(scored.grams, network.functions.length, scored.samples, { centered: true });
  const { weight } = importance(orm, network.functions.length, { decay: 'exp', beta: 1 });
  const dataset = await openDataset(data('calibration', 64), network.inputs);
  const inputs = [await dataset.read(0, 32), await dataset.read(32, 32)];
  await dataset.close();
  const { noise } = await layerNoise({ model, network, path, inputs, job, widths: [2, 3, 4, 5, 6, 7, 8] });
  return { network, size: sizeModel(model, network), weight, noise };
}

const percent = (share: number): string => (100 * share).toFixed(1);

async function accuracyOf(model: string): Promise<number> {
  const reply = await evaluate(
    { kind: 'evaluate', model, other: null, data: data('test', 1), allSamples: true, perLayer: false },
    job,
  );
  return reply.models[0].top1!;
}

/** KL divergence from the original over a whole folder of images; labels are not used. */
async function divergenceOf(model: string, images: 'calibration' | 'test'): Promise<number> {
  const spec = data(images, 1);
  const reply = await evaluate(
    { kind: 'evaluate', model: path, other: model, data: spec, allSamples: true, perLayer: false },
    job,
  );
  return reply.against!.kl!;
}

async function main(): Promise<void> {
  if (!existsSync(path)) {
    console.log(`${path} is missing: nothing was measured.`);
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'ompq-bench-'));
  const methods = args.rounding.split(',') as RoundingMethod[];
  try {
    const activations = args.acts.split(',').flatMap((bits): (ActivationChoice | null)[] =>
      bits === 'none'
        ? [null]
        : args.range.split(',').map((range) => ({
            bits: Number(bits) as ActivationChoice['bits'],
            range: range as RangeMethod,
          })),
    );
    const variants = methods.flatMap((rounding) => activations.map((choice) => ({ rounding, choice })));
    const heads = variants.map(
      ({ rounding, choice }) =>
        rounding + (choice ? ` +a${choice.bits}${args.range.includes(',') ? ` ${choice.range}` : ''}` : ''),
    );
    const { network, size } = await prepared();
    const params = network.functions.map((f) => f.params);
    const total = params.reduce((a, b) => a + b, 0);
    const float = await accuracyOf(path);
    const samples = Number(args.samples);
    console.log(`${path}: top-1 ${(100 * float).toFixed(1)} % in float32; ${samples} calibration images.\n`);
    const costs = new Map<RoundingMethod, { cost: number; at: string }>();
    const row = (cells: (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);
    const columns = args.short
      ? ['average bits', 'allocation', 'file', ...heads]
      : ['average', 'allocation', 'bits', 'bytes', ...heads];
    row(columns);
    row(columns.map(() => '---'));
    if (args.short) row(['32', 'float', formatSize(statSync(path).size), ...heads.map(() => percent(float))]);
    for (const target of args.bits.split(',').map(Number)) {
      for (const { name, bits } of await allocations(target)) {
        if (args.only !== undefined && !name.startsWith(args.only)) continue;
        const average = bits.reduce((sum, b, i) => sum + b * params[i], 0) / total;
        const cells: string[] = [];
        const weightsOnly = new Map<RoundingMethod, number>();
        for (const { rounding, choice } of variants) {
          const out = join(scratch, 'quantized.onnx');
          await exportModel(
            {
              kind: 'export',
              model: path,
              out,
              overwrite: true,
              granularity: 'layer',
              bits,
              rounding,
              scaleType: 'float32',
              activations: choice,
              data: data('calibration', samples),
              config: '0'.repeat(64),
              memoryLimit: 0,
            },
            job,
          );
          const top1 = 100 * (await accuracyOf(out));
          const kl = async (images: 'calibration' | 'test') =>
            (await divergenceOf(out, images)).toPrecision(3);
          const divergence = args.kl ? `, KL ${await kl('calibration')} / ${await kl('test')}` : '';
          cells.push(`${top1.toFixed(1)}${divergence}`);
          if (choice === null) weightsOnly.set(rounding, top1);
          const cost = (weightsOnly.get(rounding) ?? NaN) - top1;
          const most = costs.get(rounding) ?? { cost: -Infinity, at: '' };
          if (choice && cost > most.cost) {
            costs.set(rounding, { cost, at: `${name} at ${average.toFixed(2)} bits` });
          }
        }
        const bytes = predictedBytes(size, bits);
        if (args.short) row([average.toFixed(2), name, formatSize(bytes), ...cells]);
        else row([average.toFixed(2), name, bits.join(''), bytes, ...cells]);
      }
    }
    for (const [rounding, { cost, at }] of costs) {
      console.log(`\n${rounding}: activations cost ${cost.toFixed(1)} points at most (${at}).`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
