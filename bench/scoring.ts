/**
 * What scoring costs over a plain forward pass: time and peak memory, on networks shaped like torchvision's at
 * 64 x 3 x 224 x 224, on the CPU. Each measurement is a process of its own; the two kinds take turns, so that whatever
 * else the machine does falls on both. Processor time is told beside the time on the clock, because it stands still while
 * others have the processor.
 *
 * node bench/run.mjs scoring [rounds]
 */
import { toBinary } from '@bufbuild/protobuf';
import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import type { DataSpec } from '../src/calibration/inputs/spec';
import { openDataset } from '../src/calibration/open';
import { Job } from '../src/engine/process/job/job';
import { score } from '../src/engine/process/score/score';
import { ScoringContext } from '../src/engine/process/score/scoringContext';
import { readModel } from '../src/onnx/files/file';
import { findNetwork } from '../src/onnx/network/functions';
import { ModelProtoSchema } from '../src/onnx/proto/onnx_pb';
import { mobilenetV2, resnet18 } from '../test/support/models/zoo';

const SAMPLES = 64;
const FOLDER = resolve('out/bench');

interface Measured {
  /** The pass; for scoring everything but reading and creating sessions. Seconds on the clock, and of processors. */
  clock: number;
  processor: number;
  /** Most memory the process held, MB. */
  peak: number;
}

/** With what may be asked of each: scoring over forward, in time and in memory. */
const models = {
  'ResNet-18': { make: resnet18, time: 1.5, memory: 2 },
  MobileNetV2: { make: mobilenetV2, time: 3, memory: 2 },
};

const data: DataSpec = {
  path: null,
  samples: SAMPLES,
  seed: 0,
  shapes: {},
  preprocessing: { preset: 'imagenet' },
};

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const peakMegabytes = (): number => process.resourceUsage().maxRSS / 1e3;

/** One plain forward pass of the same samples through the model as it is, with ONNX Runtime's own defaults. */
async function forward(path: string): Promise<Measured> {
  const ort: typeof Ort = await import('onnxruntime-node');
  const { inputs } = findNetwork(await readModel(path));
  const dataset = await openDataset(data, inputs);
  const { input } = await dataset.read(0, SAMPLES);
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: availableParallelism() });
  const before = processorSeconds();
  const start = performance.now();
  await session.run({ input: new ort.Tensor('float32', input.data as Float32Array, input.dims) });
  const clock = (performance.now() - start) / 1e3;
  return { clock, processor: processorSeconds() - before, peak: peakMegabytes() };
}

/** Scoring as the engine does it: survey, pass, and a second look where one is needed. */
async function scoring(path: string): Promise<Measured> {
  let begun = 0;
  const loading = watchLoading();
  const job = new Job(
    ({ stage }) => {
      if (stage === 'Looking at the functions') begun = processorSeconds();
    },
    () => undefined,
  );
  const { seconds } = await score(
    { kind: 'score', model: path, granularity: 'layer', data, provider: 'cpu', memoryLimit: 0 },
    job,
  );
  return {
    clock: seconds.score,
    processor: processorSeconds() - begun - loading.spent,
    peak: peakMegabytes(),
  };
}

/** Processor time that goes into creating sessions. */
function watchLoading(): { spent: number } {
  const watch = { spent: 0 };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own workbench below
  const open = ScoringContext.prototype.open;
  ScoringContext.prototype.open = async function (...parameters) {
    const before = processorSeconds();
    const session = await open.apply(this, parameters);
    watch.spent += processorSeconds() - before;
    return session;
  };
  return watch;
}

const kinds = { forward, scoring };
type Kind = keyof typeof kinds;

function apart(kind: Kind, path: string): Promise<Measured> {
  return new Promise((done, failed) => {
    const child = fork(__filename, [kind, path]);
    child.once('message', (measured) => {
      child.kill();
      done(measured as Measured);
    });
    child.once('error', failed);
  });
}

async function main(rounds: number): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  console.log(
    `${SAMPLES} x 3 x 224 x 224, ${availableParallelism()} threads, ${rounds} runs of each in turn: least times, largest peaks\n`,
  );
  console.log('| network | | forward | scoring | ratio | at most |');
  console.log('|---|---|---|---|---|---|');
  for (const [name, { make, time, memory }] of Object.entries(models)) {
    const path = resolve(FOLDER, `${name}.onnx`);
    writeFileSync(path, toBinary(ModelProtoSchema, make()));
    const runs: Record<Kind, Measured[]> = { forward: [], scoring: [] };
    for (let round = 0; round < rounds; round++) {
      for (const kind of Object.keys(kinds) as Kind[]) runs[kind].push(await apart(kind, path));
    }
    const row = (what: string, unit: string, digits: number, limit: number, of: (kind: Kind) => number) => {
      const [plain, scored] = [of('forward'), of('scoring')];
      const cells = [plain, scored].map((value) => `${value.toFixed(digits)} ${unit}`);
      console.log(`| ${name} | ${what} | ${cells.join(' | ')} | ${(scored / plain).toFixed(2)} | ${limit} |`);
    };
    // What else the machine does only ever adds time.
    const least = (what: 'clock' | 'processor') => (kind: Kind) =>
      Math.min(...runs[kind].map((run) => run[what]));
    row('time on the clock', 's', 2, time, least('clock'));
    row('processor time', 's', 2, time, least('processor'));
    row('peak memory', 'MB', 0, memory, (kind) => Math.max(...runs[kind].map(({ peak }) => peak)));
  }
}

const [mode, argument] = process.argv.slice(2);
if (mode === 'forward' || mode === 'scoring') {
  void kinds[mode](argument).then((measured) => process.send!(measured));
} else void main(Number(mode ?? 5));
