/**
 * What the form of weights costs when a model runs: an encoder of BERT-base's sizes at several batches of 16 tokens, and the
 * products of one decoder step, as floats, bit planes, packed (DequantizeLinear) and as `auto` chooses by the rows of that
 * batch. Each form is loaded and timed in a process of its own, in turns; time is the least of all turns, as a ratio to
 * floats. Resident memory is what loading adds, after free memory has gone back to the system.
 *
 * node bench/run.mjs forms [BLOCKS, default 12]
 */
import { toBinary } from '@bufbuild/protobuf';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { raiseModel } from '../src/onnx/canonical/opsets';
import { Graph } from '../src/onnx/graph/graph';
import { findNetwork } from '../src/onnx/network/functions';
import { scaleCount, scaleIndex } from '../src/onnx/network/scaleAxes';
import { type FormChoice, packedForms } from '../src/onnx/packing/forms';
import { quantizeModel, type WeightStorage } from '../src/onnx/packing/quantizeModel';
import { networkWeights } from '../src/onnx/packing/size';
import type { StoredWeight } from '../src/onnx/packing/storedWeight';
import { ModelProtoSchema, type ModelProto } from '../src/onnx/proto/onnx_pb';
import { readFloats } from '../src/onnx/proto/tensors';
import { transformer } from '../test/support/models/zoo';

const WIDTH = 768;
const TURNS = 4;
const MILLISECONDS = 600;

interface Timed {
  milliseconds: number;
  megabytes: number;
}

void (process.argv[2] === 'time'
  ? time(process.argv[3], JSON.parse(process.argv[4]) as number[])
  : compare(Number(process.argv[2] ?? 12)));

/** Loads and runs one file; prints what it took. */
async function time(path: string, dims: number[]): Promise<void> {
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1000;
  const before = resident();
  const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
  const tokens = new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.1), dims);
  let milliseconds = Infinity;
  for (const end = performance.now() + MILLISECONDS; performance.now() < end || milliseconds === Infinity;) {
    const start = performance.now();
    await session.run({ tokens });
    milliseconds = Math.min(milliseconds, performance.now() - start);
  }
  console.log(JSON.stringify({ milliseconds, megabytes: resident() - before } satisfies Timed));
}

async function compare(blocks: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-forms-'));
  try {
    console.log(
      '| shape | rows | form | MB in the file | time / float | resident MB |\n|---|---|---|---|---|---|',
    );
    for (const tokens of [16, 1]) {
      const model = raiseModel(transformer({ opset: 17, blocks, width: WIDTH, tokens }), 21)!;
      const name = tokens === 1 ? 'decoder step' : 'encoder, 16 tokens';
      const [four, grouped, eight] = [
        await rounded(model, 4),
        await rounded(model, 4, 128),
        await rounded(model, 8),
      ];
      for (const batch of tokens === 1 ? [1] : [1, 2, 4]) {
        const rows = batch * tokens;
        const files: [string, ModelProto][] = [
          ['float', model],
          ['planes, 4 bits', written(four, 'planes', rows)],
          ['packed, 4 bits', written(four, 'dq', rows)],
          ['packed, 4 bits by 128', written(grouped, 'dq', rows)],
          ['packed, 8 bits', written(eight, 'dq', rows)],
          ['auto, 4 bits by 128', written(grouped, 'auto', rows)],
        ];
        const paths = files.map(([, file], i) => {
          const path = join(folder, `${i}.onnx`);
          writeFileSync(path, toBinary(ModelProtoSchema, file));
          return path;
        });
        const best = paths.map((): Timed => ({ milliseconds: Infinity, megabytes: Infinity }));
        for (let turn = 0; turn < TURNS; turn++) {
          paths.forEach((path, i) => {
            const { stdout } = spawnSync(
              process.execPath,
              [process.argv[1], 'time', path, JSON.stringify([batch, tokens, WIDTH])],
              {
                encoding: 'utf8',
                stdio: ['ignore', 'pipe', 'inherit'],
                env: { ...process.env, MALLOC_TRIM_THRESHOLD_: '65536' },
              },
            );
            const found = JSON.parse(stdout) as Timed;
            best[i].milliseconds = Math.min(best[i].milliseconds, found.milliseconds);
            best[i].megabytes = Math.min(best[i].megabytes, found.megabytes);
          });
        }
        files.forEach(([form], i) => {
          const ratio = best[i].milliseconds / best[0].milliseconds;
          const bytes = readFileSync(paths[i]).length;
          console.log(
            `| ${name} | ${rows} | ${form} | ${(bytes / 1e6).toFixed(1)} | ${ratio.toFixed(2)} | ${best[i].megabytes.toFixed(0)} |`,
          );
        });
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Rounded to nearest with the largest weight of each scale as its range: time does not look at the codes. */
async function rounded(model: ModelProto, bits: 4 | 8, group = 0): Promise<Rounded> {
  const network = findNetwork(model);
  const graph = new Graph(model.graph!);
  const weights = networkWeights(
    network,
    network.functions.map(() => group),
  );
  const high = 2 ** (bits - 1) - 1;
  const storages: WeightStorage[] = [];
  for (const { tensor, axis, group: own, shape } of weights) {
    const values = await readFloats(graph.stored(tensor)!, 'bench');
    const axes = { shape, axis, group: own };
    const at = Uint32Array.from(values, (_, i) => i).map(scaleIndex(axes));
    const scales = new Float32Array(scaleCount(axes));
    for (let i = 0; i < at.length; i++) scales[at[i]] = Math.max(scales[at[i]], Math.abs(values[i]) / high);
    const codes = new Int8Array(values.length);
    for (let i = 0; i < at.length; i++) codes[i] = Math.round(values[i] / scales[at[i]]);
    storages.push({ tensor, bits, axis, ...(own ? { group: own } : {}), codes, scales });
  }
  return { model, weights: weights.map((weight) => ({ ...weight, bits })), storages };
}

interface Rounded {
  model: ModelProto;
  weights: (StoredWeight & { bits: number })[];
  storages: WeightStorage[];
}

/** @param rows that the layers multiply; the head, which reads one a sample, counts as the others */
function written({ model, weights, storages }: Rounded, choice: FormChoice, rows: number): ModelProto {
  const forms = packedForms(
    model,
    weights.map((weight) => ({ ...weight, rows })),
    choice,
  );
  return quantizeModel(model, storages, {
    scaleType: 'float32',
    forms: new Map([...forms.keys()].map((tensor) => [tensor, 'dq'])),
  });
}
