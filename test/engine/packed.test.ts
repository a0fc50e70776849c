/** Weights that stay packed in memory: equal to the codes, and run by kernels that compute the same product. */
import { toBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ScaleGroup } from '../../src/onnx/network/scaleAxes';
import { findNetwork } from '../../src/onnx/network/functions';
import { dequantizeOpset } from '../../src/onnx/packing/dequantizePart';
import type { CodeBits } from '../../src/onnx/packing/planes';
import { productReaders } from '../../src/onnx/packing/productReaders';
import { quantizeModel } from '../../src/onnx/packing/quantizeModel';
import { predictedBytes, sizeModel } from '../../src/onnx/packing/size';
import { Graph } from '../../src/onnx/graph/graph';
import { float } from '../../src/onnx/proto/build';
import { ModelProtoSchema, TensorProto_DataType, type ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { randomCodes, unpacked } from '../support/models/codes';
import { Random } from '../support/models/random';
import { readModel } from '../../src/onnx/files/file';
import { compare, quantize } from './exporting';
import { save, scratch } from './harness';

/** What ONNX Runtime calls the operator that it puts in place of a product on packed weights. */
const FUSED = 'MatMulNBits';

type Kind = 'MatMul' | 'Gemm' | 'GemmT' | 'two';

/** One product of the identity by a weight [inputs, outputs], so that it puts out the weight. */
function productModel(kind: Kind, [inputs, outputs]: readonly number[], opset: number): ModelProto {
  const b = new ModelBuilder({ opset, irVersion: opset >= 21 ? 10 : 8 });
  const x = b.input('x', ['rows', inputs]);
  const shape = kind === 'GemmT' ? [outputs, inputs] : [inputs, outputs];
  b.initializer('w', shape, new Float32Array(inputs * outputs));
  const bias = b.initializer('b', [outputs], new Float32Array(outputs));
  const readers = kind === 'two' ? 2 : 1;
  for (let i = 0; i < readers; i++) {
    const output = `y${i}`;
    if (kind === 'MatMul' || kind === 'two') b.op('MatMul', [x, 'w'], {}, { output });
    else b.op('Gemm', [x, 'w', bias], kind === 'GemmT' ? { transB: 1 } : {}, { output });
    b.output(output, ['rows', outputs]);
  }
  return b.build();
}

async function run(model: ModelProto, inputs: number, literal: boolean) {
  const identity = Float32Array.from({ length: inputs * inputs }, (_, i) =>
    Math.floor(i / inputs) === i % inputs ? 1 : 0,
  );
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, model), {
    logSeverityLevel: 4,
    extra: { session: literal ? { disable_quant_qdq: '1' } : {} },
  });
  try {
    return await session.run({ x: new Tensor('float32', identity, [inputs, inputs]) });
  } finally {
    await session.release();
  }
}

const sizes = [
  [128, 36],
  [192, 20],
] as const;
/** Inputs and outputs that fill no bytes; without groups. */
const odd = [
  [37, 21],
  [9, 5],
] as const;

describe('packed weights', () => {
  const cases: [Kind, CodeBits, number, readonly number[], number?][] = [];
  for (const kind of ['MatMul', 'Gemm', 'GemmT', 'two'] as const) {
    for (const size of sizes) {
      cases.push([kind, 8, 13, size], [kind, 4, 21, size]);
      for (const group of [32, 64, 128]) {
        if (size[0] % group !== 0) continue;
        cases.push([kind, 8, 21, size, group], [kind, 4, 21, size, group]);
        if (group > 32) cases.push([kind, 2, 25, size, group]);
      }
    }
    for (const size of odd) cases.push([kind, 8, 13, size], [kind, 4, 21, size]);
  }

  it.each(cases)('%s at %i bits, opset %i, %j, groups of %s: equal to the codes', async (...args) => {
    const [kind, bits, opset, [inputs, outputs], size] = args;
    const model = productModel(kind, [inputs, outputs], opset);
    const isTurned = kind === 'GemmT';
    const shape = isTurned ? [outputs, inputs] : [inputs, outputs];
    const group: ScaleGroup | undefined = size === undefined ? undefined : { axis: isTurned ? 1 : 0, size };
    const weight = randomCodes('w', shape, isTurned ? 0 : 1, bits, new Random(bits), undefined, group);
    const values = unpacked(shape, weight);
    const wanted = Float32Array.from(values, (_, i) =>
      isTurned ? values[(i % outputs) * inputs + Math.floor(i / outputs)] : values[i],
    );
    for (const scaleType of ['float32', 'float16'] as const) {
      const written = quantizeModel(model, [weight], { scaleType, forms: new Map([['w', 'dq']]) });
      expect(written.graph!.node.some(({ opType }) => opType === 'DequantizeLinear')).toBe(true);
      const exact = await run(written, inputs, true);
      const fused = await run(written, inputs, false);
      for (const name of Object.keys(exact)) {
        expect(exact[name].data).toEqual(wanted);
        let [power, error] = [0, 0];
        (fused[name].data as Float32Array).forEach((y, i) => {
          power += wanted[i] ** 2;
          error += (y - wanted[i]) ** 2;
        });
        // A single 1 is rounded to 127 steps of 1/127: kernels that read other codes are far off.
        expect(error).toBeLessThan(1e-4 * power);
      }
    }
  });

  it('are no larger than bit planes, and of the size that was predicted', () => {
    for (const kind of ['MatMul', 'Gemm', 'GemmT'] as const) {
      const model = productModel(kind, [256, 96], 21);
      const network = findNetwork(model);
      const { weightShape, channelAxis } = network.functions[0].layers[0];
      for (const bits of [4, 8] as const) {
        const weight = randomCodes('w', weightShape, channelAxis, bits, new Random(bits));
        const record = { config: 'f'.repeat(64), bits: [bits] };
        const bytesOf = (forms?: ReadonlyMap<string, 'dq'>) =>
          toBinary(ModelProtoSchema, quantizeModel(model, [weight], { scaleType: 'float32', forms, record }))
            .length;
        const forms = new Map([['w', 'dq' as const]]);
        const predicted = predictedBytes(sizeModel(model, network, { scaleType: 'float32', forms }), [bits]);
        expect(Math.abs(predicted - bytesOf(forms))).toBeLessThanOrEqual(4);
        expect(bytesOf(forms)).toBeLessThanOrEqual(bytesOf());
      }
    }
  });

  it('are run by the kernels that this is for', async () => {
    const model = productModel('GemmT', [256, 96], 21);
    const weight = randomCodes('w', [96, 256], 0, 4, new Random(1), undefined, { axis: 1, size: 32 });
    const written = quantizeModel(model, [weight], { scaleType: 'float32', forms: new Map([['w', 'dq']]) });
    const optimized = join(scratch(), 'optimized.onnx');
    const session = await InferenceSession.create(toBinary(ModelProtoSchema, written), {
      logSeverityLevel: 4,
      optimizedModelFilePath: optimized,
    });
    await session.release();
    const { graph } = await readModel(optimized);
    expect(graph!.node.map(({ opType }) => opType)).toEqual([FUSED]);
  });

  it('are not written where ONNX Runtime would not fuse them, or would compute something else', () => {
    const opsetOf = (model: ModelProto, bits: number, group?: ScaleGroup) => {
      const [{ weight: tensor, weightShape: shape, channelAxis: axis }] =
        findNetwork(model).functions[0].layers;
      const readers = productReaders(new Graph(model.graph!), tensor);
      const dataType = TensorProto_DataType.FLOAT;
      return dequantizeOpset({ tensor, shape, dataType, axis, group }, bits, readers);
    };
    const product = (op: string, attributes: Parameters<ModelBuilder['op']>[2], bias: number[], n = 96) => {
      const b = new ModelBuilder({ opset: 21 });
      const x = b.input('x', ['rows', 256]);
      b.initializer('w', [256, n], new Float32Array(256 * n));
      b.initializer('b', bias, new Float32Array(bias[0]));
      return b.output(b.op(op, op === 'Gemm' ? [x, 'w', 'b'] : [x, 'w'], attributes)).build();
    };
    expect(opsetOf(product('Gemm', {}, [96]), 4)).toBe(21);
    expect(opsetOf(product('Gemm', {}, [96]), 8)).toBe(13);
    expect(opsetOf(product('Gemm', {}, [96]), 8, { axis: 0, size: 32 })).toBe(21);
    expect(opsetOf(product('Gemm', {}, [1]), 4)).toBeNull();
    expect(opsetOf(product('Gemm', { alpha: float(2) }, [96]), 4)).toBeNull();
    expect(opsetOf(product('Gemm', { beta: float(0.5) }, [96]), 4)).toBeNull();
    for (const bits of [3, 5, 6, 7]) expect(opsetOf(product('MatMul', {}, [96]), bits)).toBeNull();
    // Two bits: slow without groups, slow with small ones, wrong where outputs fill no bytes.
    expect(opsetOf(product('MatMul', {}, [96]), 2)).toBeNull();
    expect(opsetOf(product('MatMul', {}, [96]), 2, { axis: 0, size: 32 })).toBeNull();
    expect(opsetOf(product('MatMul', {}, [63], 63), 2, { axis: 0, size: 64 })).toBeNull();
    expect(opsetOf(product('MatMul', {}, [96]), 2, { axis: 0, size: 64 })).toBe(25);
  });
});

/** Products of which each sample has a few rows, and one that sees many. */
function encoder(rows: number): ModelProto {
  const b = new ModelBuilder({ opset: 17, seed: 5 });
  const x = b.setChannels(b.input('x', ['batch', rows, 128]), 128);
  let y = b.relu(b.matmul(x, 160, { name: 'up' }));
  y = b.matmul(y, 128, { name: 'down' });
  y = b.setChannels(b.op('ReduceMean', [y], { axes: [1], keepdims: 0 }), 128);
  return b.output(b.gemm(y, 130, { name: 'head' })).build();
}

describe('an export', () => {
  const written = async (out: string) => {
    const { opsetImport, graph } = await readModel(out);
    const packed = graph!.node.filter(({ opType }) => opType === 'DequantizeLinear').length;
    return { opset: Number(opsetImport[0].version), packed };
  };

  it('writes packed weights where they are asked for, in an operator set that has them', async () => {
    const model = save(encoder(40));
    const reply = await quantize(model, { form: 'dq', width: [4, 8, 4], rounding: 'nearest' });
    expect(await written(reply.out)).toEqual({ opset: 21, packed: 3 });
    expect(reply.packed!.weights).toBe(3);
    // Rounding to 8 bits costs about 45 dB a layer.
    expect(reply.packed!.leastDb).toBeGreaterThan(30);
    const { against } = await compare(model, reply.out);
    expect(against!.sqnrDb).toBeGreaterThan(12);
  });

  it('keeps the operator set for 8 bits, and bit planes for widths without a type of their own', async () => {
    const model = save(encoder(40));
    const eight = await quantize(model, { form: 'dq', width: 8, rounding: 'nearest' });
    expect(await written(eight.out)).toEqual({ opset: 17, packed: 3 });
    const mixed = await quantize(model, {
      form: 'dq',
      width: [3, 5, 8],
      rounding: 'nearest',
      overwrite: true,
    });
    expect(await written(mixed.out)).toEqual({ opset: 17, packed: 1 });
  });

  it('decides by the rows that each layer sees', async () => {
    const many = await quantize(save(encoder(40)), { form: 'auto', width: 4, rounding: 'nearest' });
    expect(many.packed!.weights).toBe(1);
    const few = await quantize(save(encoder(3)), { form: 'auto', width: 4, rounding: 'nearest' });
    expect(few.packed!.weights).toBe(3);
    const planes = await quantize(save(encoder(3)), { form: 'planes', width: 4, rounding: 'nearest' });
    expect(planes.packed).toBeNull();
  });
});
