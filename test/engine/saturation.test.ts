/**
 * Integer products on every processor: without VNNI, x86 adds the products of two uint8 inputs and two int8 weights in
 * int16, which saturates. Shown for all inputs and for every two codes of a row that a kernel may bring together.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { ActivationChoice } from '../../src/engine/protocol';
import { intAttribute } from '../../src/onnx/proto/attributes';
import { readModel } from '../../src/onnx/files/file';
import { Graph } from '../../src/onnx/graph/graph';
import { ModelProtoSchema, type ModelProto, type NodeProto } from '../../src/onnx/proto/onnx_pb';
import { mobilenetV2, resnet18, tinyCnn, transformer } from '../support/models/zoo';
import { everyLayer, quantize, type Options } from './exporting';
import { save, synthetic } from './harness';

const at = (bits: ActivationChoice['bits']): ActivationChoice => ({ bits, range: 'percentile' });

interface Subject {
  build: () => ModelProto;
  /** Dims of its input, and bits of its functions in turn. */
  input: number[];
  width: number | number[];
}

const NETWORKS: Record<string, Subject> = {
  'a ResNet-18': {
    build: () => resnet18({ size: 32, width: 0.25, classes: 10, batchNorm: true }),
    input: [1, 3, 32, 32],
    width: [8, 7, 8, 3],
  },
  'a MobileNetV2, depthwise': {
    build: () => mobilenetV2({ size: 32, width: 0.25, classes: 10, batchNorm: true }),
    input: [1, 3, 32, 32],
    width: [8, 8, 5],
  },
  'a transformer': {
    build: () => transformer({ blocks: 2, width: 32 }),
    input: [1, 6, 32],
    width: [8, 7, 8, 3],
  },
  'the model of the demo': {
    build: () => fromBinary(ModelProtoSchema, readFileSync(join('examples', 'resnet_cifar10.onnx'))),
    input: [1, 3, 32, 32],
    width: [8, 3, 4, 8, 2, 3],
  },
  'layers of every kind, grouped and with shared weights': {
    build: () => everyLayer(),
    input: [1, 3, 12, 12],
    width: 8,
  },
};

/** Position of the integer weights among an operator's inputs. */
const WEIGHTS: Record<string, number> = {
  QLinearConv: 3,
  QGemm: 3,
  QLinearMatMul: 3,
  MatMulIntegerToFloat: 1,
};
/** They hand on codes as they are. */
const SAME_CODES = new Set(['MaxPool', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze']);

interface Row {
  operator: string;
  codes: Int8Array;
  /** The largest input that the file lets through. */
  largestInput: number;
}

/** The rows that integer kernels multiply with, as ONNX Runtime has them after its optimizations. */
async function integerRows(path: string): Promise<Row[]> {
  const optimized = `${path}.optimized`;
  const options = { optimizedModelFilePath: optimized, logSeverityLevel: 4 as const };
  await (await ort.InferenceSession.create(path, options)).release();
  const model = await readModel(optimized);
  rmSync(optimized);
  return rowsOf(model);
}

function rowsOf({ graph: proto }: ModelProto): Row[] {
  const graph = new Graph(proto!);
  return graph.order.flatMap((node) => {
    const position = WEIGHTS[node.opType];
    if (position === undefined) return [];
    const { dims, rawData } = graph.stored(node.input[position])!;
    const all = new Int8Array(new Uint8Array(rawData).buffer);
    const byRow = node.opType === 'QLinearConv' || intAttribute(node, 'transB', 0) === 1;
    const rows = Number(byRow ? dims[0] : dims[1]);
    const columns = all.length / rows;
    const largestInput = largest(graph, node.input[0]);
    return Array.from({ length: rows }, (_, r) => ({
      operator: node.opType,
      codes: Int8Array.from({ length: columns }, (_, k) => all[byRow ? r * columns + k : k * rows + r]),
      largestInput,
    }));
  });
}

function largest(graph: Graph, tensor: string): number {
  const producer: NodeProto | null | undefined = graph.producer(tensor);
  if (producer?.opType === 'Clip') {
    const { rawData, int32Data } = graph.stored(producer.input[2])!;
    return rawData[0] ?? int32Data[0];
  }
  return producer && SAME_CODES.has(producer.opType) ? largest(graph, producer.input[0]) : 255;
}

/** The sum of products as vpmaddubsw has it: neighbours are added in int16. */
function saturatingProduct(inputs: readonly number[], codes: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < codes.length; k += 2) {
    const pair = inputs[k] * codes[k] + (inputs[k + 1] ?? 0) * (codes[k + 1] ?? 0);
    sum += Math.max(-32768, Math.min(32767, pair));
  }
  return sum;
}

/** Whether some inputs and some order of the row clip: its two largest and its two least codes meet, at full input. */
function mayClip({ codes, largestInput }: Row): boolean {
  const sorted = [...codes].sort((a, b) => a - b);
  return [sorted.filter((code) => code < 0).slice(0, 2), sorted.filter((code) => code > 0).slice(-2)].some(
    (pair) => {
      const inputs = pair.map(() => largestInput);
      const exact = pair.reduce((sum, code) => sum + code * largestInput, 0);
      return saturatingProduct(inputs, pair) !== exact;
    },
  );
}

describe('the saturating product', () => {
  it('clips at codes of 8 bits and inputs of 8 bits, and nowhere below', () => {
    const row = (bits: number, inputBits: number) =>
      mayClip({
        operator: 'Conv',
        codes: Int8Array.of(-(2 ** (bits - 1)), 3, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
        largestInput: 2 ** inputBits - 1,
      });
    expect(row(8, 8)).toBe(true);
    expect(row(8, 7)).toBe(false);
    expect(row(7, 8)).toBe(false);
    // Two products of one sign each: their sum cannot be larger than one of them.
    expect(mayClip({ operator: 'Conv', codes: Int8Array.of(127, -128), largestInput: 255 })).toBe(false);
  });

  it.each(Object.entries(NETWORKS))('never clips in %s', async (_, { build, width }) => {
    const model = save(build());
    for (const [bits, rounding] of [
      [8, 'reconstruct'],
      [7, 'nearest'],
    ] as const) {
      const options: Options = { rounding, width, data: synthetic(4), overwrite: true };
      const { out } = await quantize(model, { ...options, activations: at(bits) });
      const rows = await integerRows(out);
      expect(rows.length).toBeGreaterThan(16);
      expect(rows.some(({ largestInput }) => largestInput === 2 ** bits - 1)).toBe(true);
      expect(rows.filter(mayClip).length).toBe(0);
    }
  });

  it('would clip with the codes of a weights-only file', async () => {
    const model = save(tinyCnn());
    const { out } = await quantize(model, { rounding: 'nearest', width: 8, activations: at(7) });
    const wide = (await integerRows(out)).map((row) => ({ ...row, largestInput: 255 }));
    expect(wide.some(mayClip)).toBe(true);
  });
});

describe('exact integer kernels that ONNX Runtime is asked for (session.x64quantprecision)', () => {
  it.each(Object.entries(NETWORKS))(
    'compute the same at every optimization level: %s',
    async (_, { build, input }) => {
      const model = save(build());
      for (const bits of [8, 6] as const) {
        const out = join(dirname(model), `${bits}.onnx`);
        const options: Options = { rounding: 'nearest', width: 8, data: synthetic(4), out };
        await quantize(model, { ...options, activations: at(bits) });
        const results: Float32Array[] = [];
        for (const precision of ['0', '1']) {
          for (const level of ['disabled', 'basic', 'extended', 'all'] as const) {
            results.push(await run(out, level, precision, input));
          }
        }
        const [reference, ...others] = results;
        const peak = reference.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        for (const other of others) {
          expect(other.length).toBe(reference.length);
          const furthest = other.reduce(
            (most, value, i) => Math.max(most, Math.abs(value - reference[i])),
            0,
          );
          expect(furthest / peak).toBeLessThan(0.02);
        }
      }
    },
  );
});

async function run(
  path: string,
  graphOptimizationLevel: 'disabled' | 'basic' | 'extended' | 'all',
  x64quantprecision: string,
  dims: number[],
): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(path, {
    graphOptimizationLevel,
    logSeverityLevel: 4,
    extra: { session: { x64quantprecision } },
  });
  const count = dims.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor(values, dims) });
  await session.release();
  return outputs[session.outputNames[0]].data as Float32Array;
}
