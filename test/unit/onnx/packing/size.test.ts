import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Layer, LayerOp, Network, NetworkFunction } from '../../../../src/onnx/network/network';
import type { CodeBits } from '../../../../src/onnx/packing/planes';
import { quantizeModel, type WeightStorage } from '../../../../src/onnx/packing/quantizeModel';
import { ModelProtoSchema, TensorProto_DataType, type ModelProto } from '../../../../src/onnx/proto/onnx_pb';
import { networkWeights, predictedBytes, sizeModel } from '../../../../src/onnx/packing/size';
import { ModelBuilder } from '../../../support/models/builder';
import { randomCodes } from '../../../support/models/codes';
import { Random } from '../../../support/models/random';

/** One function per entry, each reading one tensor; axis as the operator has it. */
function networkOf(model: ModelProto, tensors: [name: string, op: LayerOp, axis: number][]): Network {
  const layer = ([name, op, channelAxis]: [string, LayerOp, number]): Layer => {
    const tensor = model.graph!.initializer.find((initializer) => initializer.name === name)!;
    const weightShape = tensor.dims.map(Number);
    const params = weightShape.reduce((a, b) => a * b, 1);
    const at = { node: name, op, weight: name, weightShape, weightType: tensor.dataType, channelAxis };
    return { ...at, groups: 1, input: 'x', output: 'y', params, macs: null };
  };
  const functions = tensors.map((entry): NetworkFunction => {
    const layers = [layer(entry)];
    return {
      name: entry[0],
      layers,
      op: entry[1],
      output: 'y',
      shape: null,
      params: layers[0].params,
      macs: null,
      stage: 0,
    };
  });
  return { opset: 17, irVersion: 8, inputs: [], outputs: [], functions, ties: [], skipped: [], shared: [] };
}

function testModel(opset: number, irVersion?: number) {
  const b = new ModelBuilder({ opset, irVersion, seed: 3 });
  const x = b.input('x', ['batch', 4, 16, 16]);
  let y = b.relu(b.conv(x, 32, { kernel: 3, name: 'first' }));
  y = b.conv(y, 32, { kernel: 3, groups: 32, name: 'depthwise' });
  y = b.conv(y, 32, { kernel: 3, groups: 4, name: 'grouped' });
  y = b.conv(y, 33, { kernel: 5, name: 'odd' });
  y = b.convTranspose(y, 40, { name: 'up' });
  y = b.flatten(b.globalAveragePool(y));
  y = b.gemm(y, 100, { name: 'gemm' });
  y = b.gemm(y, 111, { name: 'gemmB', transB: false });
  y = b.matmul(y, 97, { name: 'matmul' });
  y = b.op('MatMul', [y, b.store(half('half.weight', [97, 64]))]);
  b.output(y);
  const model = fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, b.build()));
  const network = networkOf(model, [
    ['first.weight', 'Conv', 0],
    ['depthwise.weight', 'Conv', 0],
    ['grouped.weight', 'Conv', 0],
    ['odd.weight', 'Conv', 0],
    ['up.weight', 'ConvTranspose', 1],
    ['gemm.weight', 'Gemm', 0],
    ['gemmB.weight', 'Gemm', 1],
    ['matmul.weight', 'MatMul', 1],
    ['half.weight', 'MatMul', 1],
  ]);
  return { model, network };
}

function half(name: string, dims: number[]) {
  const count = dims[0] * dims[1];
  const b = new ModelBuilder();
  b.initializer(name, dims, new Uint16Array(count).fill(0x3c00), TensorProto_DataType.FLOAT16);
  return b.graph.initializer[0];
}

function store(network: Network, bits: number[], random: Random): WeightStorage[] {
  return networkWeights(network).map(({ tensor, shape, axis, owner }) => {
    const width = bits[owner];
    if (width === 32) return { tensor, bits: 32 };
    const count = shape.reduce((a, b) => a * b, 1);
    if (width === 16) return { tensor, bits: 16, values: random.normals(count) };
    return randomCodes(tensor, shape, axis, width as CodeBits, random);
  });
}

const all = [2, 3, 4, 5, 6, 7, 8, 16, 32];

describe('size model', () => {
  it.each([
    [7, undefined],
    [9, 3],
    [13, 7],
    [17, 8],
    [18, 8],
  ])('predicts the file at opset %i (IR %s) for every width and for mixes', (opset, irVersion) => {
    const { model, network } = testModel(opset, irVersion);
    const random = new Random(opset);
    const mixes = Array.from({ length: 12 }, () => network.functions.map(() => all[random.int(all.length)]));
    for (const scaleType of ['float32', 'float16'] as const) {
      const size = sizeModel(model, network, { scaleType });
      for (const bits of [...all.map((width) => network.functions.map(() => width)), ...mixes]) {
        const record = { config: 'f'.repeat(64), bits };
        const written = quantizeModel(model, store(network, bits, random), { scaleType, record });
        const bytes = toBinary(ModelProtoSchema, written).length;
        expect(Math.abs(predictedBytes(size, bits) - bytes)).toBeLessThanOrEqual(4);
        // The solver's count, with all tables in it, is an upper bound, and a close one.
        const bound = bits.reduce((sum, width, i) => sum + size.functionBytes[i][width], size.fixedBytes);
        expect(bound).toBeGreaterThanOrEqual(bytes);
        expect(bound - bytes).toBeLessThan(opset >= 13 ? 1400 : 2048);
      }
    }
  });

  it('grows with the width and comes close to bits * elements / 8', () => {
    const { model, network } = testModel(17);
    const { functionBytes } = sizeModel(model, network);
    for (const [i, bytes] of functionBytes.entries()) {
      const widths = all.map((bits) => bytes[bits]);
      expect(widths).toEqual([...widths].sort((a, b) => a - b));
      const { params, layers } = network.functions[i];
      const scales = 4 * layers[0].weightShape[layers[0].channelAxis];
      for (const bits of [2, 3, 4, 5, 6, 7]) {
        if (params > 8000) expect(bytes[bits]).toBeLessThan((params * bits) / 8 + scales + 700);
      }
    }
  });

  it('counts a shared tensor once, in the first function', () => {
    const { model, network } = testModel(17);
    const twice: Network = { ...network, functions: [...network.functions, network.functions[3]] };
    const size = sizeModel(model, twice);
    expect(size.functionBytes.at(-1)![4]).toBeLessThan(4);
    expect(size.functionBytes[3]).toEqual(sizeModel(model, network).functionBytes[3]);
  });

  it('keeps small weights in int8', () => {
    const { model, network } = testModel(17);
    const { functionBytes } = sizeModel(model, network);
    expect(functionBytes[1][2]).toBe(functionBytes[1][8]);
    expect(functionBytes[3][2]).toBeLessThan(functionBytes[3][8]);
  });
});
