/** Stored weights as ONNX Runtime unpacks them: equal to fround(code * scale), bit for bit. */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { fromFloat16Bits, roundToFloat16 } from '../../src/onnx/proto/float16';
import type { ScaleGroup } from '../../src/onnx/network/scaleAxes';
import { recordOf } from '../../src/onnx/packing/record';
import type { CodeBits } from '../../src/onnx/packing/planes';
import { quantizeModel, type WeightStorage } from '../../src/onnx/packing/quantizeModel';
import { ModelProtoSchema, TensorProto_DataType, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { randomCodes, unpacked } from '../support/models/codes';
import { Random } from '../support/models/random';

const FLOAT16 = TensorProto_DataType.FLOAT16;
const widths: CodeBits[] = [2, 3, 4, 5, 6, 7, 8];

/** Tensors as each operator stores them; the last one is too small for bit planes. */
const tensors: [name: string, shape: number[], axis: number, apart?: number[], group?: ScaleGroup][] = [
  ['conv', [16, 24, 3, 3], 0],
  ['oddConv', [31, 5, 7, 3], 0],
  ['grouped', [48, 8, 5, 5], 0],
  ['depthwise', [333, 1, 5, 5], 0],
  ['transposed', [24, 17, 3, 3], 1],
  ['gemmT', [129, 65], 0],
  ['gemm', [65, 129], 1],
  ['matmul', [3, 33, 41], 2],
  ['recurrent', [2, 36, 21], 1, [0]],
  ['experts', [3, 17, 29], 2, [0]],
  ['small', [3, 3, 1, 1], 0],
  ['byInputs', [128, 33], 1, undefined, { axis: 0, size: 32 }],
  ['byInputsT', [33, 192], 0, undefined, { axis: 1, size: 64 }],
  ['byInputsOdd', [7, 384], 0, undefined, { axis: 1, size: 128 }],
  ['smallByInputs', [3, 64], 0, undefined, { axis: 1, size: 32 }],
];

/** A model that only hands out its weights (through an Identity each, beside a use of x). */
function weightsModel(options: { opset: number; irVersion?: number; half?: boolean }): ModelProto {
  const b = new ModelBuilder(options);
  for (const [name, shape] of tensors) {
    const count = shape.reduce((x, y) => x * y, 1);
    if (options.half) b.initializer(name, shape, new Uint16Array(count), FLOAT16);
    else b.initializer(name, shape, new Float32Array(count));
    const out = b.op('Identity', [name], {}, { output: `${name}_out` });
    b.output(out, shape, options.half ? FLOAT16 : TensorProto_DataType.FLOAT);
  }
  return b.build();
}

async function run(model: ModelProto, feeds: Record<string, Tensor> = {}) {
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, model), { logSeverityLevel: 3 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function stored(bits: CodeBits, seed: number) {
  const random = new Random(seed);
  return tensors.map(([name, shape, axis, apart, group]) =>
    randomCodes(name, shape, axis, bits, random, apart, group),
  );
}

describe('stored weights', () => {
  it.each([7, 9, 10, 11, 13, 17, 18, 21])('unpack bit for bit at opset %i', async (opset) => {
    const source = weightsModel({ opset });
    for (const bits of widths) {
      const weights = stored(bits, bits);
      const outputs = await run(quantizeModel(source, weights, { scaleType: 'float32' }));
      for (const [i, [name, shape]] of tensors.entries()) {
        expect(outputs[`${name}_out`].dims).toEqual(shape);
        expect(outputs[`${name}_out`].data).toEqual(unpacked(shape, weights[i]));
      }
    }
  });

  it('unpack with float16 scales, and to float16 tensors', async () => {
    for (const bits of widths) {
      const weights = stored(bits, 10 + bits);
      const wide = await run(quantizeModel(weightsModel({ opset: 17 }), weights, { scaleType: 'float16' }));
      const narrow = await run(
        quantizeModel(weightsModel({ opset: 17, half: true }), weights, { scaleType: 'float32' }),
      );
      for (const [i, [name, shape]] of tensors.entries()) {
        const expected = unpacked(shape, weights[i]);
        expect(wide[`${name}_out`].data).toEqual(expected);
        const halves = narrow[`${name}_out`].data as unknown as ArrayLike<number>;
        expect(Array.from(halves, asNumber)).toEqual(Array.from(expected, roundToFloat16));
      }
    }
  });

  it('are stored as float16 at 16 bits', async () => {
    const random = new Random(5);
    const weights: WeightStorage[] = tensors.map(([tensor, shape]) => ({
      tensor,
      bits: 16,
      values: random.normals(shape.reduce((a, b) => a * b, 1)),
    }));
    const outputs = await run(quantizeModel(weightsModel({ opset: 17 }), weights, { scaleType: 'float32' }));
    for (const weight of weights) {
      if (weight.bits !== 16) continue;
      const expected = Float32Array.from(weight.values, roundToFloat16);
      expect(outputs[`${weight.tensor}_out`].data).toEqual(expected);
    }
  });

  it('leave the rest of the model as it was: shared messages, no graph input for a packed weight', async () => {
    const b = new ModelBuilder({ opset: 8, irVersion: 3, seed: 1 });
    const x = b.input('x', [2, 40]);
    const y = b.gemm(b.relu(b.gemm(x, 40, { name: 'a' })), 40, { name: 'b' });
    // Tied: a third layer reads the first one's weights.
    const z = b.op('Gemm', [y, 'a.weight', 'a.bias'], { transB: 1 });
    const source = b.output(z, [2, 40]).build();
    for (const { name, dims, dataType } of source.graph!.initializer) {
      b.input(`listed ${name}`, dims.map(Number), dataType);
      source.graph!.input.at(-1)!.name = name;
    }
    const random = new Random(2);
    const weights = [
      randomCodes('a.weight', [40, 40], 0, 3, random),
      randomCodes('b.weight', [40, 40], 0, 5, random),
    ];
    const before = toBinary(ModelProtoSchema, source);
    const record = { config: 'abc', bits: [3, 5] };
    const written = quantizeModel(source, weights, { scaleType: 'float32', record });

    expect(toBinary(ModelProtoSchema, source)).toEqual(before);
    expect(written.graph!.node.slice(-4)).toEqual(source.graph!.node);
    expect(written.graph!.input.map(({ name }) => name)).toEqual(['x', 'a.bias', 'b.bias']);
    expect(written.opsetImport).toEqual(source.opsetImport);
    const metadata = Object.fromEntries(written.metadataProps.map(({ key, value }) => [key, value]));
    expect(metadata).toMatchObject({ 'ompq.config': 'abc', 'ompq.bits': '3,5' });
    expect(recordOf(written)).toEqual(record);
    expect(recordOf(source)).toBeNull();

    const feeds = { x: new Tensor('float32', random.normals(80), [2, 40]) };
    const fake = fromBinary(ModelProtoSchema, before);
    for (const weight of weights) {
      const tensor = fake.graph!.initializer.find(({ name }) => name === weight.tensor)!;
      tensor.rawData = new Uint8Array(unpacked([40, 40], weight).buffer);
    }
    expect(await outputsOf(written, feeds)).toEqual(await outputsOf(fake, feeds));
  });
});

async function outputsOf(model: ModelProto, feeds: Record<string, Tensor>) {
  return Object.values(await run(model, feeds)).map(({ data }) => data);
}

/** onnxruntime hands out float16 as bits (Uint16Array) or, where Node has it, as Float16Array. */
function asNumber(this: void, value: number, _index: number): number {
  return fromFloat16Bits(value);
}
