/**
 * ONNX's own suite: every model is inspected, written again, and brought into our one form without another output; where
 * it has a layer, its export is the same at 32 bits and near at 8. A seeded tenth, or all by `npm run test:onnx`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { DataSpec } from '../../src/calibration/inputs/spec';
import { Engine, EngineRequestError } from '../../src/engine/client';
import type { InspectReply } from '../../src/engine/protocol';
import { canonicalModel } from '../../src/onnx/canonical/canonical';
import { ModelProtoSchema, TensorProtoSchema, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { Random } from '../support/models/random';
import { SCRIPT } from '../engine/script';
import { areEqual, feedsOf, floatsOf, run, tensorsOf, type Values } from './run';
import { Wheel, type SuiteCase } from './wheel';

/** Of the outputs' largest number, what weights of 8 bits may change. */
const MOST_CHANGE = 0.03;
const ALL = process.env.OMPQ_ONNX === 'all';
const wheel = inject('wheel');
/** One case alone. */
const ONLY = process.env.OMPQ_ONNX_CASE;

describe.skipIf(wheel === null)("ONNX's own suite", () => {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-onnx-'));
  const engine = new Engine({ script: SCRIPT, log: () => undefined });
  afterAll(() => {
    engine.dispose();
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'model.onnx');
  const data: DataSpec = { path: null, samples: 1, seed: 0, shapes: {}, preprocessing: { preset: 'raw' } };
  const counts = { models: 0, refused: 0, run: 0, quantized: 0 };
  const findings: string[] = [];

  async function inspect(): Promise<InspectReply | null> {
    try {
      return await engine.request({ kind: 'inspect', model: path, granularity: 'layer', shapes: {} });
    } catch (error) {
      if (!(error instanceof EngineRequestError)) throw error;
      return null;
    }
  }

  async function play(found: SuiteCase): Promise<void> {
    counts.models++;
    writeFileSync(path, found.model);
    if (!(await inspect())) counts.refused++;
    const model = fromBinary(ModelProtoSchema, found.model);
    const tensors = tensorsOf(found, model);
    const feeds = tensors && feedsOf(model, tensors);
    const original = feeds && (await run(found.model, feeds));
    // Random numbers differ from run to run.
    if (!original || !areEqual(original, await run(found.model, feeds))) return;
    counts.run++;
    const written = toBinary(ModelProtoSchema, model);
    if (!areEqual(original, await run(written, feeds))) findings.push(`${found.name}: written again`);
    const flat = canonicalModel(model);
    if (flat !== model && !areEqual(original, await run(toBinary(ModelProtoSchema, flat), feeds))) {
      findings.push(`${found.name}: in our form`);
    }
    const bound = clone(ModelProtoSchema, model);
    for (const [index, tensor] of tensors.entries()) {
      if (index === 0) continue;
      bound.graph!.initializer.push(
        Object.assign(clone(TensorProtoSchema, tensor), { name: model.graph!.input[index].name }),
      );
    }
    if (tensors.length > 1) bound.graph!.input.splice(1, tensors.length - 1);
    await quantized(found.name, bound, feeds);
  }

  /** At 32 bits the model itself, at 8 bits one that is near it. */
  async function quantized(name: string, model: ModelProto, feeds: Values): Promise<void> {
    writeFileSync(path, toBinary(ModelProtoSchema, model));
    const network = (await inspect())?.network;
    const original = network?.functions.length ? await run(readFileSync(path), feeds) : null;
    if (!network || !original) return;
    counts.quantized++;
    for (const width of [32, 8]) {
      const out = join(folder, `at${width}.onnx`);
      const bits = network.functions.map(() => width);
      const common = {
        granularity: 'layer',
        rounding: 'nearest',
        scaleType: 'float32',
        overwrite: true,
      } as const;
      try {
        const asked = {
          kind: 'export',
          model: path,
          out,
          bits,
          data,
          activations: null,
          memoryLimit: 0,
        } as const;
        await engine.request({ ...asked, ...common, config: 'a'.repeat(64) });
      } catch (error) {
        findings.push(`${name} at ${width} bits: ${(error as Error).message}`);
        continue;
      }
      const results = await run(readFileSync(out), feeds);
      if (width === 32 && !areEqual(original, results)) findings.push(`${name} at 32 bits: not the same`);
      if (width === 8 && results) {
        for (const [output, bytes] of original) {
          const change = relativeChange(floatsOf(bytes), floatsOf(results.get(output)!));
          if (change > MOST_CHANGE) findings.push(`${name} at 8 bits: ${output} changes by ${change}`);
        }
      } else if (!results) findings.push(`${name} at ${width} bits: does not run`);
    }
  }

  it('computes the same however it is written, and nearly the same at 8 bits', async () => {
    const suite = await Wheel.open(wheel!);
    try {
      const random = new Random(12);
      for (const name of suite.names) {
        const taken = ONLY === undefined ? ALL || random.int(10) === 0 : name.endsWith(ONLY);
        if (!taken) continue;
        try {
          await play(await suite.read(name));
        } catch (error) {
          findings.push(`${name}: ${(error as Error).stack}`);
        }
      }
    } finally {
      suite.close();
    }
    console.log(JSON.stringify(counts));
    expect(findings).toEqual([]);
    if (ONLY !== undefined) return;
    expect(counts.run).toBeGreaterThan(100);
    expect(counts.quantized).toBeGreaterThan(5);
  });
});

function relativeChange(a: Float32Array | null, b: Float32Array | null): number {
  if (!a || !b) return 0;
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]) || 0), 0) / largest;
}
