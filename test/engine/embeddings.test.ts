/** Rows of an embedding table that are picked packed: as ONNX Runtime unpacks them, bit for bit, and what they weigh. */
import { toBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { findNetwork } from '../../src/onnx/network/functions';
import type { CodeBits } from '../../src/onnx/packing/planes';
import { quantizeModel, type WeightStorage } from '../../src/onnx/packing/quantizeModel';
import { networkWeights, predictedBytes, sizeModel } from '../../src/onnx/packing/size';
import { fromFloat16Bits, roundToFloat16 } from '../../src/onnx/proto/float16';
import {
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from '../../src/onnx/proto/onnx_pb';
import { Random } from '../support/models/random';
import { ModelBuilder } from '../support/models/builder';
import { randomCodes, unpacked } from '../support/models/codes';

const WIDTHS: CodeBits[] = [2, 3, 4, 5, 6, 7, 8];

interface Case {
  rows: number;
  dims: number[];
  opset?: number;
  irVersion?: number;
  half?: boolean;
  /** Of the row numbers; null: not declared. */
  ids?: number[] | null;
  /** A second Gather, and a Transpose and MatMul that need the whole table. */
  tied?: boolean;
}

function tableModel({ rows, dims, opset = 17, irVersion, half = false, ids = [2, 3], tied = false }: Case) {
  const b = new ModelBuilder({ opset, irVersion, seed: rows });
  const numbers = b.input('ids', ids ?? ['n', 'm'], DataType.INT64);
  // A shape that nobody follows: the rank of the row numbers is then not known.
  const picked = ids === null ? b.op('Unknown', [numbers], {}, { domain: 'test' }) : numbers;
  const count = dims.reduce((x, y) => x * y, rows);
  const type = half ? DataType.FLOAT16 : DataType.FLOAT;
  const data = half ? new Uint16Array(count).fill(0x3c00) : b.random.normals(count);
  const table = b.initializer('table', [rows, ...dims], data, type);
  b.output(b.op('Gather', [table, picked], {}, { name: 'embed', output: 'rows' }), null, type);
  if (tied) {
    b.output(b.op('Gather', [table, picked], { axis: 0 }, { name: 'again', output: 'more' }), null, type);
    const turned = b.op('Transpose', [table], { perm: [1, 0] });
    b.output(b.op('MatMul', ['rows', turned], {}, { name: 'head', output: 'scores' }), null, type);
  }
  return b.build();
}

async function run(model: ModelProto, feeds: Record<string, Tensor>) {
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, model), { logSeverityLevel: 3 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function weightsOf(model: ModelProto, bits: CodeBits | 16, random: Random): WeightStorage[] {
  return networkWeights(findNetwork(model)).map(({ tensor, shape, axis, apart }) =>
    bits === 16
      ? { tensor, bits, values: random.normals(shape.reduce((x, y) => x * y, 1)) }
      : randomCodes(tensor, shape, axis, bits, random, apart),
  );
}

const CASES: Case[] = [
  { rows: 40, dims: [16] },
  // Rows of an odd length are filled up to whole bytes.
  { rows: 61, dims: [13] },
  { rows: 600, dims: [9], ids: [4] },
  { rows: 90, dims: [9], ids: [] },
  { rows: 33, dims: [31], ids: [2, 1, 3] },
  { rows: 20, dims: [3, 11] },
  { rows: 50, dims: [23], opset: 9, irVersion: 3 },
  { rows: 50, dims: [23], opset: 11 },
  { rows: 47, dims: [19], half: true },
  { rows: 60, dims: [24], tied: true },
];

describe('rows of a table', () => {
  it.each(CASES)('are picked packed and unpack bit for bit: %j', async (each) => {
    const model = tableModel(each);
    const random = new Random(7);
    const ids = each.ids ?? [2, 3];
    const count = ids.reduce((x, y) => x * y, 1);
    const numbers = Array.from({ length: count }, () => random.int(each.rows));
    const feeds = { ids: new Tensor('int64', BigInt64Array.from(numbers, BigInt), ids) };
    const length = each.dims.reduce((x, y) => x * y, 1);
    for (const bits of [...WIDTHS, 16] as const) {
      const weights = weightsOf(model, bits, random);
      const written = quantizeModel(model, weights, { scaleType: 'float32' });
      const names = written.graph!.node.flatMap(({ output }) => output);
      expect(names.includes('table')).toBe(each.tied === true);
      const outputs = await run(written, feeds);
      const [weight] = weights;
      const shape = [each.rows, ...each.dims];
      const floats =
        weight.bits === 16
          ? Float32Array.from(weight.values, roundToFloat16)
          : weight.bits === 32
            ? new Float32Array()
            : unpacked(shape, weight);
      const expected = numbers.flatMap((row) => [...floats.subarray(row * length, (row + 1) * length)]);
      if (each.half && bits === 16) continue;
      const values = (name: string) =>
        each.half
          ? Array.from(outputs[name].data as unknown as ArrayLike<number>, (x) => fromFloat16Bits(x))
          : [...(outputs[name].data as Float32Array)];
      expect(outputs.rows.dims).toEqual([...ids, ...each.dims]);
      expect(values('rows')).toEqual(each.half ? expected.map(roundToFloat16) : expected);
      if (each.tied) expect(values('more')).toEqual(expected);
    }
  });

  it('are predicted to the byte, and a tied head adds no second table', () => {
    for (const each of CASES) {
      const model = tableModel(each);
      const network = findNetwork(model);
      const size = sizeModel(model, network);
      for (const bits of [...WIDTHS, 16] as const) {
        const record = { config: 'f'.repeat(64), bits: network.functions.map(() => bits) };
        const weights = weightsOf(model, bits, new Random(1));
        const bytes = toBinary(
          ModelProtoSchema,
          quantizeModel(model, weights, { scaleType: 'float32', record }),
        );
        expect(Math.abs(predictedBytes(size, record.bits) - bytes.length)).toBeLessThanOrEqual(4);
      }
    }
    const [alone, tied] = [false, true].map((each) => {
      const model = tableModel({ rows: 4000, dims: [64], tied: each });
      return predictedBytes(
        sizeModel(model, findNetwork(model)),
        findNetwork(model).functions.map(() => 4),
      );
    });
    expect(tied - alone).toBeLessThan(1500);
  });

  it('are picked where the rank of the row numbers is not known', () => {
    const model = tableModel({ rows: 400, dims: [13], ids: null });
    const written = quantizeModel(model, weightsOf(model, 3, new Random(2)), { scaleType: 'float32' });
    const nodes = written.graph!.node;
    expect(nodes.flatMap(({ output }) => output)).not.toContain('table');
    expect(nodes.map(({ opType }) => opType)).toContain('Concat');
  });
});
