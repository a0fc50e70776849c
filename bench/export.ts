/**
 * What exporting costs, and what the exported file costs to run: ResNet shapes with random weights.
 *
 *   node bench/run.mjs export [nearest50|reconstruct18|inference18|loops]
 *
 * Each measurement runs in its own process, so that its peak memory is its own.
 */
import { toBinary } from '@bufbuild/protobuf';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { plainMatMul, type MatMul } from '../src/core/rounding/matmul';
import { roundRows } from '../src/core/rounding/rows';
import { openMatMul } from '../src/engine/process/ort/matmul';
import type { ActivationChoice, RoundingMethod } from '../src/engine/protocol';
import { exportModel } from '../src/engine/process/export/exportModel';
import { Job } from '../src/engine/process/job/job';
import { findNetwork } from '../src/onnx/network/functions';
import { ModelProtoSchema, type ModelProto } from '../src/onnx/proto/onnx_pb';
import { Random } from '../test/support/models/random';
import { resnet18, resnet50 } from '../test/support/models/zoo';

const job = new Job(
  () => undefined,
  (level, line) => (level === 'debug' ? undefined : console.log(`  ${line}`)),
);

/** First and last 8, the others cycle: every plane kind is there. */
function mix(model: ModelProto): number[] {
  const functions = findNetwork(model).functions;
  const cycle = [6, 5, 4, 3, 2, 7];
  return functions.map((_, i) => (i === 0 || i === functions.length - 1 ? 8 : cycle[i % cycle.length]));
}

async function write(
  folder: string,
  model: ModelProto,
  rounding: RoundingMethod,
  samples: number,
  activations: ActivationChoice | null = null,
  name = 'quantized.onnx',
) {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, toBinary(ModelProtoSchema, model));
  const out = join(folder, name);
  const cpu = process.cpuUsage();
  const reply = await exportModel(
    {
      kind: 'export',
      model: path,
      out,
      overwrite: false,
      granularity: 'layer',
      bits: mix(model),
      rounding,
      scaleType: 'float32',
      activations,
      data: { path: null, samples, seed: 0, shapes: {}, preprocessing: { preset: 'imagenet' } },
      config: '0'.repeat(64),
      memoryLimit: 0,
    },
    job,
  );
  const { user, system } = process.cpuUsage(cpu);
  return { path, out, reply, cpuSeconds: (user + system) / 1e6 };
}

async function exporting(folder: string, model: ModelProto, rounding: RoundingMethod, samples: number) {
  const { reply, cpuSeconds } = await write(folder, model, rounding, samples);
  const { seconds, bytes, predictedBytes } = reply;
  console.log(
    `  ${seconds.total.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of processor time on ${availableParallelism()} threads), ` +
      `${bytes} bytes (predicted ${predictedBytes}), ${reply.samples} samples`,
  );
  for (const warning of reply.warnings) console.log(`  ${warning}`);
}

/** The exported file against the original, runs interleaved: medians. */
async function inference(folder: string): Promise<void> {
  const { path, out } = await write(folder, resnet18(), 'nearest', 1);
  const activations = { bits: 8 as const, range: 'mse' as const };
  const integer = await write(folder, resnet18(), 'nearest', 4, activations, 'integer.onnx');
  console.log(
    `  weights only ${statSync(out).size} bytes, with 8-bit activations ${integer.reply.bytes} (predicted ${integer.reply.predictedBytes})`,
  );
  const files = [path, out, integer.out];
  const create = files.map(() => [] as number[]);
  for (let i = 0; i < 7; i++) {
    for (const [f, file] of files.entries()) {
      const start = performance.now();
      const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
      create[f].push(performance.now() - start);
      await session.release();
    }
  }
  report('session creation', create);
  const sessions = await Promise.all(
    files.map((file) => InferenceSession.create(file, { logSeverityLevel: 3 })),
  );
  for (const batch of [1, 16]) {
    const input = new Tensor('float32', new Random(1).normals(batch * 3 * 224 * 224), [batch, 3, 224, 224]);
    const times = files.map(() => [] as number[]);
    for (let i = 0; i < (batch === 1 ? 60 : 12); i++) {
      for (const [s, session] of sessions.entries()) {
        const start = performance.now();
        await session.run({ input });
        if (i > 1) times[s].push(performance.now() - start);
      }
    }
    report(`inference, batch ${batch}`, times);
  }
}

function report(what: string, times: number[][]): void {
  const [float, weights, integer] = times.map(median);
  const against = (time: number) => `${time.toFixed(1)} ms (x ${(time / float).toFixed(2)})`;
  console.log(
    `  ${what}: ${float.toFixed(1)} ms float32, ${against(weights)} weights only, ${against(integer)} with 8-bit activations`,
  );
}

/** One layer of ResNet-18 (layer3: 256 x 2304) rounded by 'reconstruct': blocks by ONNX Runtime, or plain loops. */
async function loops(): Promise<void> {
  const [rows, columns, samples] = [256, 2304, 4096];
  const random = new Random(1);
  const inputs = Float64Array.from(random.normals(samples * columns));
  const transposed = new Float64Array(inputs.length);
  inputs.forEach((value, i) => {
    transposed[(i % columns) * samples + Math.floor(i / columns)] = value / Math.sqrt(samples);
  });
  const fast = await openMatMul();
  const scaled = inputs.map((value) => value / Math.sqrt(samples));
  const moments = await fast.matmul(transposed, scaled, columns, samples, columns);
  const weights = Float64Array.from(random.normals(rows * columns));
  const time = async (matmul: MatMul): Promise<number> => {
    const start = performance.now();
    const problem = { weights, rows, columns, bits: 3, moments };
    await roundRows(problem, 'reconstruct', { matmul, roundScale: Math.fround });
    return (performance.now() - start) / 1000;
  };
  const blocked = await time(fast.matmul);
  const plain = await time(plainMatMul);
  await fast.close();
  console.log(
    `  ${blocked.toFixed(1)} s with products by ONNX Runtime, ${plain.toFixed(1)} s with plain loops (x ${(plain / blocked).toFixed(1)})`,
  );
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const measurements: Record<string, { title: string; run: (folder: string) => Promise<void> }> = {
  nearest50: {
    title: 'ResNet-50 shapes, rounding to nearest (limit: 5 s)',
    run: (folder) => exporting(folder, resnet50(), 'nearest', 1),
  },
  inference18: {
    title:
      'ResNet-18 shapes, bits 8, 6, 5, 4, 3, 2, 7 ..., against float32 (limits: creation x 2, inference x 1.05; with 8-bit activations x 0.6)',
    run: inference,
  },
  reconstruct18: {
    title: 'ResNet-18 shapes, reconstruction on 256 inputs of 224 x 224 (limit: 300 s)',
    run: (folder) => exporting(folder, resnet18(), 'reconstruct', 256),
  },
  loops: { title: 'One layer of 256 x 2304 weights, reconstruction', run: loops },
};

async function measure(name: string): Promise<void> {
  const { title, run } = measurements[name];
  console.log(`${title}; load of the machine ${loadavg()[0].toFixed(1)}`);
  const folder = mkdtempSync(join(tmpdir(), 'ompq-bench-'));
  try {
    await run(folder);
    console.log(`  peak memory ${(process.resourceUsage().maxRSS / 1024 / 1024).toFixed(2)} GB`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [, script, chosen] = process.argv;
if (chosen) void measure(chosen);
else
  for (const name of Object.keys(measurements))
    spawnSync(process.execPath, [script, name], { stdio: 'inherit' });
