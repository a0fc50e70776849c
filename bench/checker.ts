/**
 * ONNX's own checker over what we write, at every operator set from 6 on: weights at mixed widths, as float32 and float16
 * scales, and with activations at 8 bits.
 *
 *   node bench/run.mjs checker
 *
 * The checker is of the Python package onnx; without it, that is said and nothing is checked.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { canonicalModel } from '../src/onnx/canonical/canonical';
import { exportModel } from '../src/engine/process/export/exportModel';
import { Job } from '../src/engine/process/job/job';
import { findNetwork } from '../src/onnx/network/functions';
import { ModelProtoSchema, type ModelProto } from '../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../test/support/models/builder';

const OPSETS = Array.from({ length: 21 }, (_, i) => 6 + i);
const WIDTHS = [8, 2, 3, 4, 5, 6, 7];
const CHECK = `
import json, sys, onnx
for path in json.load(sys.stdin):
    try:
        onnx.checker.check_model(path, full_check=True)
        print("ok")
    except Exception as error:
        print(" ".join(str(error).split())[:300])
`;

const python = ['python3', 'python'].find(
  (name) => spawnSync(name, ['-c', 'import onnx'], { stdio: 'ignore' }).status === 0,
);
if (python === undefined) {
  console.log('Skipped: there is no Python with the package onnx.');
  process.exit(0);
}

/** A layer of every width: convolutions, a transposed one, a Gemm; an embedding would need integers. */
function network(opset: number): ModelProto {
  const b = new ModelBuilder({
    opset,
    irVersion: opset < 9 ? 3 : opset < 15 ? 4 : opset < 21 ? 8 : 10,
    seed: opset,
  });
  let y = b.input('x', [1, 3, 16, 16]);
  for (const [channels, groups] of [
    [32, 1],
    [32, 32],
    [48, 1],
    [32, 4],
  ]) {
    y = b.op('Relu', [b.conv(y, channels, { kernel: 3, groups })]);
    b.setChannels(y, channels);
  }
  y = b.convTranspose(y, 24);
  const flat = b.op('Reshape', [b.op('GlobalAveragePool', [y]), b.int64s('flat', [1, 24])]);
  const weights = [b.weight('fc.weight', [10, 24], 0.2), b.bias('fc.bias', 10)];
  b.output(b.op('Gemm', [flat, ...weights], { transB: 1 }, { name: 'fc' }), [1, 10]);
  return b.build();
}

async function check(command: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-checker-'));
  const job = new Job(
    () => undefined,
    () => undefined,
  );
  const files: { title: string; path: string }[] = [];
  const failures: string[] = [];
  try {
    for (const opset of OPSETS) {
      const path = join(folder, `float${opset}.onnx`);
      const model = network(opset);
      writeFileSync(path, toBinary(ModelProtoSchema, model));
      const functions = findNetwork(canonicalModel(model)).functions;
      const bits = functions.map((_, i) => WIDTHS[i % WIDTHS.length]);
      for (const form of ['float32', 'float16', 'activations'] as const) {
        const out = join(folder, `${form}${opset}.onnx`);
        const title = `operator set ${opset}, ${form === 'activations' ? 'activations at 8 bits' : `${form} scales`}`;
        try {
          await exportModel(
            {
              kind: 'export',
              model: path,
              out,
              bits,
              granularity: 'layer',
              rounding: 'nearest',
              scaleType: form === 'float16' ? 'float16' : 'float32',
              overwrite: true,
              activations: form === 'activations' ? { bits: 8, range: 'minmax' } : null,
              data: { path: null, samples: 4, seed: 0, shapes: {}, preprocessing: { preset: 'raw' } },
              memoryLimit: 0,
              config: '0'.repeat(64),
            },
            job,
          );
          files.push({ title, path: out });
        } catch (error) {
          failures.push(`${title}: ${(error as Error).message}`);
        }
      }
    }
    const { stdout, stderr } = spawnSync(command, ['-c', CHECK], {
      input: JSON.stringify(files.map(({ path }) => path)),
      encoding: 'utf8',
    });
    const answers = stdout.trim().split('\n');
    if (answers.length !== files.length) throw new Error(`The checker stopped: ${stderr.trim()}`);
    files.forEach(({ title }, i) => {
      if (answers[i] !== 'ok') failures.push(`${title}: ${answers[i]}`);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const each of failures) console.log(each);
  console.log(
    `${files.length} exports at operator sets 6 to 26 checked in full: ${failures.length} failures.`,
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}

void check(python);
