/**
 * What bounds and safety cost: ResNet-50 shapes at 64 samples of 3 x 224 x 224, scored on the CPU. Peak memory and time
 * under memory limits; the second time, from the cache; and the engine as a process of its own against the same code in
 * the process that asks, taking turns. Prints the tables of bench/memory.md.
 *
 * node bench/run.mjs memory [tiny: small shapes, to see that it runs]      (after npm run build)
 */
import { toBinary } from '@bufbuild/protobuf';
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Cache } from '../src/cache/cache';
import { Engine } from '../src/engine/client';
import { MALLOC } from '../src/engine/fork';
import { Job } from '../src/engine/process/job/job';
import { score } from '../src/engine/process/score/score';
import type { ScoreRequest } from '../src/engine/protocol';
import { ModelProtoSchema } from '../src/onnx/proto/onnx_pb';
import { scoreModel } from '../src/pipeline/score';
import { resnet50 } from '../test/support/models/zoo';

const FOLDER = resolve('out/bench');
const ROUNDS = 5;
const IN_PROCESS = 'in-process';
const tiny = process.argv.includes('tiny');
const LIMITS = tiny ? [0, 300e6] : [0, 4e9, 2e9, 1e9];
const SAMPLES = tiny ? 16 : 64;

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

/** VmHWM; only Linux tells. */
function peakMegabytes(pid: number): string {
  const found = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return found ? `${(Number(found[1]) / 1000).toFixed(0)} MB` : '?';
}

const startEngine = (log: (level: string, line: string) => void = () => undefined): Engine =>
  new Engine({ script: resolve('dist/engine.js'), log });

function requestOf(model: string, memoryLimit: number): ScoreRequest {
  const data = { path: null, samples: SAMPLES, seed: 0, shapes: {}, preprocessing: { preset: 'imagenet' } };
  return {
    kind: 'score',
    model,
    granularity: 'layer',
    data: data as ScoreRequest['data'],
    provider: 'cpu',
    memoryLimit,
  };
}

async function limits(model: string): Promise<void> {
  console.log('| limit | peak | seconds | how |\n|---|---|---|---|');
  for (const limit of LIMITS) {
    let how = '';
    const engine = startEngine((_, line) => {
      if (line.includes('samples ')) how ||= line;
    });
    const took = await seconds(() => engine.request(requestOf(model, limit)));
    const name = limit === 0 ? 'half of the free memory' : `${limit / 1e9} GB`;
    const passes = /samples (.*?) \(/.exec(how)?.[1] ?? '?';
    console.log(`| ${name} | ${peakMegabytes(engine.pid!)} | ${took.toFixed(1)} | ${passes} |`);
    engine.dispose();
  }
}

/** Inspecting and scoring as "Quantize" does it, in an engine that has just been started, as after opening VS Code. */
async function cached(model: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-bench-'));
  const { data, granularity, provider, memoryLimit } = requestOf(model, 0);
  const settings = {
    model,
    data,
    granularity,
    provider,
    memoryLimit,
    centered: true,
    decay: 'exp',
    beta: 1,
  } as const;
  const run = async (warm?: Engine) => {
    const engine = warm ?? startEngine();
    let isCached = false;
    const took = await seconds(async () => {
      isCached = (await scoreModel(engine, settings, { cache: new Cache(folder) })).cached;
    });
    if (!warm) engine.dispose();
    return { took, isCached };
  };
  try {
    const first = await run();
    const fresh: number[] = [];
    for (let i = 0; i < ROUNDS; i++) fresh.push(await again(run()));
    const engine = startEngine();
    const running: number[] = [];
    await run(engine);
    for (let i = 0; i < ROUNDS; i++) running.push(await again(run(engine)));
    engine.dispose();
    console.log('| scoring | seconds |\n|---|---|');
    console.log(`| first time | ${first.took.toFixed(1)} |`);
    console.log(`| again, engine to be started | ${told(fresh)} |`);
    console.log(`| again, engine running | ${told(running)} |`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function again(run: Promise<{ took: number; isCached: boolean }>): Promise<number> {
  const { took, isCached } = await run;
  if (!isCached) throw new Error('The second run was not served by the cache.');
  return took;
}

/** The in-process one is a process of its own, too, as fresh as an engine; it times what it does after it has started. */
async function overhead(model: string): Promise<void> {
  const request = requestOf(model, 0);
  const apart: number[] = [];
  const within: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const engine = startEngine();
    apart.push(await seconds(() => engine.request(request)));
    engine.dispose();
    within.push(await inFreshProcess(request));
  }
  const [a, b] = [median(apart), median(within)];
  const more = `${(a - b).toFixed(2)} s, ${((100 * (a - b)) / b).toFixed(1)} %`;
  console.log('| scoring | seconds |\n|---|---|');
  console.log(`| through the engine process, its start included | ${told(apart)} |`);
  console.log(`| in the process that asks | ${told(within)} |`);
  console.log(`| difference of the medians | ${more} |`);
}

function inFreshProcess(request: ScoreRequest): Promise<number> {
  return new Promise((done, failed) => {
    // The same words to the allocator as the engine gets.
    const env = { ...MALLOC, ...process.env };
    const child = fork(process.argv[1], [IN_PROCESS, JSON.stringify(request)], { env });
    child.once('message', (took) => done(took as number));
    child.once('exit', (code) => failed(new Error(`It ended with code ${code}.`)));
  });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Median, and the range. */
const told = (values: readonly number[]): string =>
  `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}, ${values.length} runs)`;

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const model = resolve(FOLDER, tiny ? 'ResNet-50-tiny.onnx' : 'ResNet-50.onnx');
  writeFileSync(model, toBinary(ModelProtoSchema, resnet50(tiny ? { size: 64, width: 0.25 } : {})));
  const load = loadavg()[0].toFixed(1);
  console.log(
    `ResNet-50 shapes${tiny ? ' in small' : ''}, ${SAMPLES} samples, ${availableParallelism()} threads, load average ${load} at the start\n`,
  );
  await limits(model);
  console.log();
  await cached(model);
  console.log();
  await overhead(model);
}

if (process.argv[2] === IN_PROCESS) {
  const job = new Job(
    () => undefined,
    () => undefined,
  );
  void seconds(() => score(JSON.parse(process.argv[3]) as ScoreRequest, job)).then((took) =>
    process.send?.(took),
  );
} else {
  main().catch((error: unknown) => {
    console.error((error as Error).message);
    process.exitCode = 1;
  });
}
