/** An engine, a scratch folder, and a plain float64 reference to hold its results against. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { create, toBinary } from '@bufbuild/protobuf';
import { expect, onTestFinished } from 'vitest';
import type { Tensor } from '../../src/calibration/inputs/dataset';
import { openDataset } from '../../src/calibration/open';
import type { DataSpec } from '../../src/calibration/inputs/spec';
import { gramToOrm } from '../../src/core/scoring/orthogonality';
import { Engine, type EngineOptions, type RequestOptions } from '../../src/engine/client';
import type { ScoreReply, ScoreRequest } from '../../src/engine/protocol';
import { takeBranches } from '../../src/onnx/network/branches';
import { valueInfo } from '../../src/onnx/proto/build';
import { allBodies } from '../../src/onnx/proto/attributes';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as Location,
  type ModelProto,
} from '../../src/onnx/proto/onnx_pb';
import type { ScoreSettings } from '../../src/pipeline/settings';
import { SCRIPT } from './script';

/** A folder that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function save(model: ModelProto, name = 'model.onnx', folder = scratch()): string {
  const path = join(folder, name);
  writeFileSync(path, toBinary(ModelProtoSchema, model));
  return path;
}

/** Moves every weight of the model into one file. */
export function saveExternal(model: ModelProto, location: string, folder = scratch()): string {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const graphs = [model.graph!, ...allBodies(model.graph!)];
  for (const tensor of graphs.flatMap(({ initializer }) => initializer)) {
    const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
    tensor.externalData = [
      entry('location', location),
      entry('offset', String(offset)),
      entry('length', String(tensor.rawData.length)),
    ];
    tensor.dataLocation = Location.EXTERNAL;
    offset += tensor.rawData.length;
    chunks.push(tensor.rawData);
    tensor.rawData = new Uint8Array(0);
  }
  const file = join(folder, location);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(chunks));
  return save(model, 'external.onnx', folder);
}

/** An engine that is gone after the test, and what it logged. */
export function startEngine(options: Partial<EngineOptions> = {}): { engine: Engine; log: string[] } {
  const log: string[] = [];
  const engine = new Engine({
    script: SCRIPT,
    log: (level, line) => log.push(`${level}: ${line}`),
    ...options,
  });
  onTestFinished(() => engine.dispose());
  return { engine, log };
}

export function synthetic(samples: number, shapes: Record<string, number[]> = {}): DataSpec {
  return { path: null, samples, seed: 7, shapes, preprocessing: { preset: 'imagenet' } };
}

export function scoreRequest(model: string, data: DataSpec, more: Partial<ScoreRequest> = {}): ScoreRequest {
  return { kind: 'score', model, granularity: 'layer', data, provider: 'cpu', memoryLimit: 0, ...more };
}

/** As "ompq quantize" scores by default. */
export function scoreSettings(model: string, data: DataSpec): ScoreSettings {
  return {
    model,
    data,
    granularity: 'layer',
    centered: true,
    decay: 'exp',
    beta: 1,
    provider: 'cpu',
    memoryLimit: 0,
  };
}

export interface ScoredOnce {
  reply: ScoreReply;
  log: string[];
  /** Most memory the engine has held; 0 where the system does not tell. */
  peakBytes: number;
}

export async function scoreOnce(
  model: string,
  data: DataSpec,
  more: Partial<ScoreRequest> = {},
  options: RequestOptions = {},
): Promise<ScoredOnce> {
  const { engine, log } = startEngine();
  const reply = await engine.request(scoreRequest(model, data, more), options);
  return { reply, log, peakBytes: peakBytes(engine.pid!) };
}

function peakBytes(pid: number): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  } catch {
    return 0;
  }
}

/**
 * The straightforward way: every function's output fetched, sample by sample (or `batch` of them where the model takes no
 * fewer), and multiplied out in float64.
 */
export async function referenceGrams(path: string, data: DataSpec, batch = 1): Promise<Float64Array[]> {
  const file = await readModel(path);
  const network = findNetwork(file, { shapes: data.shapes, branches: data.branches });
  const { model } = takeBranches(file, data.branches);
  const outputs = network.functions.map(({ output }) => output);
  model.graph!.output = outputs.map((name) => valueInfo(name, 1, null));
  for (const output of model.graph!.output) output.type = undefined;
  const session = await ort.InferenceSession.create(toBinary(ModelProtoSchema, model), {
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: join(path, '..') } },
  });
  const dataset = await openDataset(data, network.inputs);
  const features: Float64Array[][] = outputs.map(() => []);
  for (let i = 0; i < dataset.size; i += batch) {
    const feeds = Object.fromEntries(
      Object.entries(await dataset.read(i, batch))
        .filter(([name]) => session.inputNames.includes(name))
        .map(([name, tensor]) => [name, toOrt(tensor)]),
    );
    const results = await session.run(feeds);
    outputs.forEach((name, f) => {
      const { data: values, type } = results[name];
      const row = Float64Array.from(values as Float32Array, (value) =>
        type === 'float16' ? fromHalf(value) : value,
      );
      const width = row.length / batch;
      for (let b = 0; b < batch; b++) features[f].push(row.subarray(b * width, (b + 1) * width));
    });
  }
  await session.release();
  await dataset.close();
  return features.map((rows) => {
    const n = rows.length;
    return Float64Array.from({ length: n * n }, (_, k) => dot(rows[Math.floor(k / n)], rows[k % n]));
  });
}

const toOrt = ({ type, data, dims }: Tensor) => new ort.Tensor(type as 'float32', data as Float32Array, dims);

/** Newer runtimes hand out Float16Array, whose elements are numbers already. */
function fromHalf(value: number): number {
  if (typeof (globalThis as { Float16Array?: unknown }).Float16Array === 'function') return value;
  const sign = value & 0x8000 ? -1 : 1;
  const exponent = (value >> 10) & 31;
  const fraction = value & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** ORM by the formula, without any of the product's care. */
export function plainOrm(grams: readonly Float64Array[], n: number, centered: boolean): number[] {
  const matrices = grams.map((gram) => {
    if (!centered) return gram;
    const mean = (pick: (k: number) => number) =>
      Array.from({ length: n }, (_, k) => pick(k)).reduce((a, b) => a + b, 0) / n;
    const rows = Array.from({ length: n }, (_, r) => mean((c) => gram[r * n + c]));
    const all = mean((r) => rows[r]);
    return gram.map((value, k) => value - rows[Math.floor(k / n)] - rows[k % n] + all);
  });
  return matrices.flatMap((a) => matrices.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))));
}

/** Both ORMs of a reply equal those of the reference to 1e-5. */
export function expectSameOrm(
  reply: Pick<ScoreReply, 'samples' | 'grams'>,
  reference: readonly Float64Array[],
): void {
  const { samples, grams } = reply;
  expect(grams.length).toBe(reference.length * samples * samples);
  for (const centered of [true, false]) {
    const got = gramToOrm(grams, reference.length, samples, { centered });
    const expected = plainOrm(reference, samples, centered);
    let worst = 0;
    expected.forEach((value, k) => (worst = Math.max(worst, Math.abs(value - got[k]))));
    expect(worst, `largest difference of the ${centered ? 'centred' : 'uncentred'} ORM`).toBeLessThan(1e-5);
  }
}
