/**
 * Where the processor time of an export and of a quantize goes, stage by stage, over a plain forward pass of the same
 * samples by ONNX Runtime: from the engine's own trace (--trace), in the process that users get.
 *
 *   npm run build && node bench/run.mjs stages [export | quantize] [resnet18 | mobilenetV2 | resnet50 | vit] [samples]
 *   node bench/run.mjs stages export my.onnx 256 folder-of-pictures
 *   OMPQ_BENCH_ENGINES=dist/engine.js:old/engine.js node bench/run.mjs stages ...   (builds beside each other)
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { DataSpec } from '../src/calibration/inputs/spec';
import { Engine } from '../src/engine/client';
import type { Span, SpanArguments } from '../src/engine/process/job/trace';
import { TRACE } from '../src/engine/protocol';
import { ModelProtoSchema } from '../src/onnx/proto/onnx_pb';
import { mobilenetV2, resnet18, resnet50, transformer } from '../test/support/models/zoo';

const shapes = {
  resnet18,
  mobilenetV2,
  resnet50,
  // ViT-S behind its patches.
  vit: () => transformer({ blocks: 12, width: 384, tokens: 197 }),
};
const BATCH = 16;

type Spent = Omit<SpanArguments, 'detail'> & { wall: number };

/** Per name, the time of its spans without that of the spans inside them. */
function ownTimes(text: string): Map<string, Spent> {
  const spans = JSON.parse(`${text.trim().replace(/,$/, '')}]`) as Span[];
  spans.sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const spent = new Map<string, Spent>();
  const around: Span[] = [];
  const add = ({ name, dur, args }: Pick<Span, 'name' | 'dur' | 'args'>, sign: number): void => {
    const sum = spent.get(name) ?? { user: 0, system: 0, faults: 0, wall: 0 };
    sum.user += sign * args.user;
    sum.system += sign * args.system;
    sum.faults += sign * args.faults;
    sum.wall += sign * dur;
    spent.set(name, sum);
  };
  for (const span of spans) {
    while (around.length > 0 && around[around.length - 1].ts + around[around.length - 1].dur <= span.ts)
      around.pop();
    const outer = around[around.length - 1];
    add(span, 1);
    if (outer) add({ ...span, name: outer.name }, -1);
    around.push(span);
  }
  return spent;
}

/** Processor seconds of the model on its own, and the shape of its input. */
async function forward(path: string, samples: number): Promise<number> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 2 });
  const [input] = session.inputMetadata;
  if (!input.isTensor) throw new Error(`${input.name} is no tensor.`);
  const dims = input.shape.map((size, axis) => (axis === 0 ? BATCH : Number(size)));
  const count = dims.reduce((all, size) => all * size, 1);
  const data = Float32Array.from({ length: count }, (_, i) => Math.sin(0.37 * i));
  const feeds = { [input.name]: new Tensor('float32', data, dims) };
  await session.run(feeds);
  const before = process.cpuUsage();
  for (let i = 0; i < samples; i += BATCH) await session.run(feeds);
  const { user, system } = process.cpuUsage(before);
  await session.release();
  return (user + system) / 1e6;
}

async function main(kind = 'export', name = 'resnet18', count = '256', pictures?: string): Promise<void> {
  const samples = Number(count);
  const folder = mkdtempSync(join(tmpdir(), 'ompq-bench-'));
  let model = resolve(name);
  if (name in shapes) {
    model = join(folder, 'model.onnx');
    writeFileSync(model, toBinary(ModelProtoSchema, shapes[name as keyof typeof shapes]()));
  }
  try {
    const path = pictures === undefined ? null : resolve(pictures);
    const data: DataSpec = { path, samples, seed: 0, shapes: {}, preprocessing: { preset: 'imagenet' } };
    const engines = (process.env.OMPQ_BENCH_ENGINES ?? 'dist/engine.js').split(':');
    // At once, so that the load of the machine is the same for all.
    const [plain] = await Promise.all([
      forward(model, samples),
      ...engines.map(async (script, i) => {
        const trace = join(folder, `trace${i}.json`);
        const engine = new Engine({ script: resolve(script), env: { [TRACE]: trace }, log: () => undefined });
        try {
          await perform(engine, kind, model, data, join(folder, `quantized${i}.onnx`));
        } finally {
          engine.dispose();
        }
      }),
    ]);
    for (const [i, script] of engines.entries()) {
      const load = loadavg()[0].toFixed(1);
      const times = `load average ${load}: forward ${plain.toFixed(2)} s`;
      console.log(`${kind} of ${basename(name)} by ${script}, ${samples} samples, ${times}\n`);
      print(ownTimes(readFileSync(join(folder, `trace${i}.json`), 'utf8')), plain);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function perform(
  engine: Engine,
  kind: string,
  model: string,
  data: DataSpec,
  out: string,
): Promise<void> {
  const alike = { model, granularity: 'layer', data, memoryLimit: 0 } as const;
  const { network } = await engine.request({ kind: 'inspect', model, granularity: 'layer', shapes: {} });
  const last = network.functions.length - 1;
  const bits = network.functions.map((_, i) => (i === 0 || i === last ? 8 : [4, 3, 5, 4][i % 4]));
  if (kind === 'export') {
    const how = {
      overwrite: false,
      rounding: 'reconstruct',
      scaleType: 'float32',
      activations: null,
    } as const;
    await engine.request({ ...alike, ...how, kind: 'export', out, bits, config: '0'.repeat(64) });
    return;
  }
  const rounding = 'nearest';
  const candidates = [2, 3, 4, 5, 6].map((width) => bits.map((b) => (b === 8 ? 8 : width)));
  await engine.request({ ...alike, kind: 'score', provider: 'cpu' });
  await engine.request({ ...alike, kind: 'noise', widths: [2, 3, 4, 5, 6, 7, 8], rounding });
  const contest = { kind: 'contest', rounding, candidates, rounded: 0, search: null } as const;
  await engine.request({ ...alike, ...contest });
}

function print(spent: Map<string, Spent>, plain: number): void {
  const line = (name: string, { user, system, wall, faults }: Spent): string => {
    const seconds = [(user + system) / 1e6, system / 1e6, wall / 1e6].map((value) => value.toFixed(2));
    return `| ${name} | ${seconds.join(' | ')} | ${faults} | ${((user + system) / 1e6 / plain).toFixed(2)} |`;
  };
  console.log('| stage | processor s | of it system | clock s | page faults | forward passes |');
  console.log('|---|---|---|---|---|---|');
  const sum: Spent = { user: 0, system: 0, faults: 0, wall: 0 };
  const sorted = [...spent].sort(([, a], [, b]) => b.user + b.system - a.user - a.system);
  for (const [name, each] of sorted) {
    console.log(line(name, each));
    for (const key of Object.keys(sum) as (keyof Spent)[]) sum[key] += each[key];
  }
  console.log(line('all', sum));
}

main(...process.argv.slice(2)).catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
