/**
 * Is what `--objective auto` takes as good as the best of its rivals? For each size and rounding the contest is held on
 * unlabelled calibration images as a user would hold it; then every candidate is exported, and its top-1 measured on
 * labelled test images that nobody has seen. At whole widths the budget is the uniform allocation's own average (first
 * and last function at 8 bits), so that uniform can take part at its best.
 *
 *   node bench/run.mjs contest [--example] [--bits 2.5,3,3.5,4] [--rounding nearest,gptq,reconstruct]
 *                               [--test FOLDER]   (labelled images; default: the folder "test" beside the model)
 *   node bench/run.mjs contest --time     (MobileNetV2 shapes, 64 samples: the contest as a multiple of one scoring)
 */
import { toBinary } from '@bufbuild/protobuf';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { DataSpec } from '../src/calibration/inputs/spec';
import type { Config } from '../src/config/config';
import { costOf } from '../src/core/allocation/divergence';
import type { RoundingMethod } from '../src/core/rounding/problem';
import { Engine } from '../src/engine/client';
import type { InspectReply } from '../src/engine/protocol';
import { predictedBytes } from '../src/onnx/packing/size';
import { ModelProtoSchema } from '../src/onnx/proto/onnx_pb';
import { quantize } from '../src/pipeline/quantize';
import type { AllocationSettings } from '../src/pipeline/settings';
import { type ScoreSettings } from '../src/pipeline/settings';
import { mobilenetV2 } from '../test/support/models/zoo';

const { values: args } = parseArgs({
  options: {
    example: { type: 'boolean', default: false },
    time: { type: 'boolean', default: false },
    bits: { type: 'string', default: '2.5,3,3.5,4' },
    rounding: { type: 'string', default: 'nearest,gptq,reconstruct' },
    test: { type: 'string' },
  },
});

const folder = resolve(args.example ? 'examples' : '../shared/data/cifar10');
const model = join(folder, args.example ? 'resnet_cifar10.onnx' : 'resnet20.onnx');
const SCORED = 64;
const ROUNDED = 256;
const SEARCH_SECONDS = 5;
const scratch = mkdtempSync(join(tmpdir(), 'ompq-bench-'));
const engine = new Engine({ script: resolve('dist/engine.js'), log: () => undefined });

const data = (name: string, samples: number): DataSpec => ({
  path: resolve(folder, name),
  samples,
  seed: 0,
  shapes: {},
  preprocessing: { preset: 'cifar10' },
});

const scoring = (path: string, spec: DataSpec): ScoreSettings => ({
  model: path,
  data: spec,
  granularity: 'layer',
  centered: true,
  decay: 'exp',
  beta: 1,
  provider: 'cpu',
  memoryLimit: 0,
});

const allocation = (averageBits: number, rounding: RoundingMethod): AllocationSettings => ({
  objective: 'auto',
  budget: { averageBits },
  widths: [2, 3, 4, 5, 6, 7, 8],
  pin: { first: 8, last: 8 },
  locks: {},
  contest: { rounding, searchSeconds: SEARCH_SECONDS },
});

async function top1(path: string): Promise<number> {
  const reply = await engine.request({
    kind: 'evaluate',
    model: path,
    other: null,
    data: data(args.test ? resolve(args.test) : 'test', 1),
    allSamples: true,
    perLayer: false,
  });
  return 100 * reply.models[0].top1!;
}

async function exported(bits: number[], rounding: RoundingMethod): Promise<number> {
  const out = join(scratch, 'quantized.onnx');
  await engine.request({
    kind: 'export',
    model,
    out,
    overwrite: true,
    granularity: 'layer',
    bits,
    rounding,
    scaleType: 'float32',
    activations: null,
    data: data('calibration', ROUNDED),
    config: '0'.repeat(64),
    memoryLimit: 0,
  });
  return top1(out);
}

/** Averages of "every width w, first and last at 8". */
function uniformAverage({ network }: InspectReply, width: number): number {
  const params = network.functions.map((f) => f.params);
  const last = params.length - 1;
  const bits = params.reduce((sum, p, i) => sum + p * (i === 0 || i === last ? 8 : width), 0);
  return Math.ceil((bits / params.reduce((a, b) => a + b, 0)) * 1e4) / 1e4;
}

async function accuracies(): Promise<void> {
  if (!existsSync(model)) {
    console.log(`${model} is missing: nothing was measured.`);
    return;
  }
  const inspect = await engine.request({ kind: 'inspect', model, granularity: 'layer', shapes: {} });
  console.log(
    `${args.example ? 'The example' : 'ResNet-20'}: top-1 ${(await top1(model)).toFixed(1)} % in float32.\n`,
  );
  console.log('| average | rounding | candidate | bits | bytes | KL, held-out | top-1 | |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const rounding of args.rounding.split(',') as RoundingMethod[]) {
    for (const target of args.bits.split(',').map(Number)) {
      const average = Number.isInteger(target) ? uniformAverage(inspect, target) : target;
      const out = join(scratch, `net-${rounding}-${target}.ompq.json`);
      const { config } = await quantize(
        engine,
        scoring(model, data('calibration', SCORED)),
        allocation(average, rounding),
        out,
        {},
      );
      await table(config, inspect, average, rounding);
    }
  }
}

async function table(
  { contest }: Config,
  { size }: InspectReply,
  average: number,
  rounding: RoundingMethod,
): Promise<void> {
  const measured = new Map<string, number>();
  const cost = ({ kl, sqnrDb }: { kl: number | null; sqnrDb: number | null }): number =>
    costOf({ kl, sqnrDb: sqnrDb ?? Infinity });
  for (const entry of [...contest!.candidates].sort((a, b) => cost(a) - cost(b))) {
    const key = entry.bits.join('');
    if (!measured.has(key)) measured.set(key, await exported(entry.bits, rounding));
    const auto = entry.name === contest!.chosen ? 'auto' : '';
    console.log(
      `| ${average.toFixed(2)} | ${rounding} | ${entry.name} | ${key} | ${predictedBytes(size, entry.bits)} | ` +
        `${entry.kl} | ${measured.get(key)!.toFixed(1)} | ${auto} |`,
    );
  }
}

/** Processor time of this process and of the engine, so that other work on the machine does not count. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync(`/proc/${engine.pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const TICKS = 100;
  return (user + system) / 1e6 + (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** A row per job; the clock beside it, for what a person waits. */
async function times(): Promise<void> {
  const path = join(scratch, 'mobilenet.onnx');
  writeFileSync(path, toBinary(ModelProtoSchema, mobilenetV2()));
  const spec: DataSpec = {
    path: null,
    samples: 64,
    seed: 0,
    shapes: {},
    preprocessing: { preset: 'imagenet' },
  };
  interface Times {
    processor: number;
    clock: number;
  }
  const timed = async (work: () => Promise<unknown>): Promise<Times> => {
    const [processor, clock] = [processorSeconds(), performance.now()];
    await work();
    return { processor: processorSeconds() - processor, clock: (performance.now() - clock) / 1000 };
  };
  console.log(
    '| MobileNetV2 shapes, 64 samples | processor seconds | of one scoring | seconds on the clock |\n|---|---|---|---|',
  );
  const request = { kind: 'score', ...scoring(path, spec) } as const;
  const { decay: _decay, beta: _beta, centered: _centered, ...asked } = request;
  // Starts the engine, reads the model.
  await engine.request(asked);
  const scored = await timed(() => engine.request(asked));
  const row = (name: string, { processor, clock }: Times): void =>
    console.log(
      `| ${name} | ${processor.toFixed(1)} | ${(processor / scored.processor).toFixed(1)} | ${clock.toFixed(1)} |`,
    );
  row('scoring alone', scored);
  for (const [name, objective, searchSeconds] of [
    ['scoring, noise and the noise-aware program', 'noise-aware', 0],
    ['the same and the contest, nearest, no swaps', 'auto', 0],
    ['the same and 5 s of swaps (the default)', 'auto', SEARCH_SECONDS],
  ] as const) {
    const settings = {
      ...allocation(5.5, 'nearest'),
      objective,
      contest: { rounding: 'nearest', searchSeconds } as const,
    };
    row(
      name,
      await timed(() =>
        quantize(engine, scoring(path, spec), settings, join(scratch, `${objective}.ompq.json`), {}),
      ),
    );
  }
}

(args.time ? times() : accuracies())
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    engine.dispose();
    rmSync(scratch, { recursive: true, force: true });
  });
