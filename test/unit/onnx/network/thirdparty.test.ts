/** Networks that others exported: PaddlePaddle's converter (weights as Constant nodes) and PyTorch's (bodies of If). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../../src/onnx/files/file';
import { findNetwork } from '../../../../src/onnx/network/functions';
import { readFloats } from '../../../../src/onnx/proto/tensors';
import { Graph } from '../../../../src/onnx/graph/graph';
import { tensorFinder } from '../../../../src/onnx/packing/weights';
import {
  paddleClassifier,
  paddleDetector,
  paddleRecognizer,
  sileroV4,
  sileroV5,
  type ThirdPartyModel,
} from '../../../support/models/thirdparty';

const network = async ({ path }: ThirdPartyModel, shapes: Record<string, number[]> = {}) =>
  findNetwork(await readModel(path), { shapes });

describe('PaddleOCR', () => {
  // Every Conv and ConvTranspose, and the MatMuls that are not attention.
  it.each([
    [paddleClassifier, 53 + 1, 0],
    [paddleRecognizer, 38 + 13 - 4, 4],
    [paddleDetector, 62 + 2, 0],
  ])('$name has one function per layer', async (model, count, skipped) => {
    const found = await network(model);
    expect(found.functions).toHaveLength(count);
    expect(found.skipped).toHaveLength(skipped);
    for (const { reason } of found.skipped) expect(reason).toMatch(/multiplies two computed tensors/);
    expect(new Set(found.functions.map(({ name }) => name)).size).toBe(count);
    expect(new Set(found.functions.map(({ output }) => output)).size).toBe(count);
    // Height and width are open, so most counts are.
    expect(found.functions[0].macs).toBeNull();
  });

  it('takes outputs after the activations that its converter writes out', async () => {
    const { functions } = await network(paddleClassifier);
    const outputs = functions.map(({ output }) => output);
    // x * Clip(x + 3) / 6, ReLU, HardSigmoid, and the residual Add of a linear bottleneck.
    expect(outputs.slice(0, 5).map((name) => name.replace(/_\d.*/, ''))).toEqual([
      'hardswish',
      'relu',
      'relu',
      'relu',
      'hardsigmoid',
    ]);
    expect(outputs[11]).toBe('p2o.Add.7');
  });

  it('knows sizes and work once the input size is given', async () => {
    const { functions, inputs } = await network(paddleRecognizer, { x: [1, 3, 48, 320] });
    expect(inputs).toMatchObject([{ name: 'x', shape: [expect.any(String), 3, 48, expect.any(String)] }]);
    for (const { macs, shape } of functions) {
      expect(macs).toBeGreaterThan(0);
      expect(shape?.every((dim) => typeof dim === 'number' && dim > 0)).toBe(true);
    }
    expect(functions[functions.length - 1].shape).toEqual([1, 40, 6625]);
  });

  it('reads the weights of every layer', async () => {
    const model = await readModel(paddleDetector.path);
    const graph = new Graph(model.graph!);
    for (const { layers } of findNetwork(model).functions) {
      for (const { weight, params } of layers) {
        const values = await readFloats(graph.stored(weight)!, paddleDetector.path);
        expect(values).toHaveLength(params);
        expect(values.every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe('Silero', () => {
  it.each([
    [sileroV4, { Conv: 36, LSTM: 8 }],
    [sileroV5, { Conv: 12, LSTM: 4 }],
  ])('$name keeps all its layers in branches', async (model, expected) => {
    const { functions, skipped } = await network(model);
    expect(functions).toEqual([]);
    const counts: Record<string, number> = {};
    for (const { op, reason } of skipped) {
      counts[op] = (counts[op] ?? 0) + 1;
      expect(reason).toMatch(/^it lies inside the body of the If node ".+"$/);
    }
    expect(counts).toEqual(expected);
  });

  it.each([
    [sileroV4, 'If_25', 'then', 18],
    [sileroV4, 'If_25', 'else', 18],
    [sileroV5, 'If_0', 'then', 6],
    [sileroV5, 'If_0', 'else', 6],
  ] as const)('$name, %s', async ({ path }, name, branch, layers) => {
    const model = await readModel(path);
    const found = findNetwork(model, { branches: { [name]: branch } });
    expect(found.functions.flatMap((f) => f.layers)).toHaveLength(layers);
    const find = tensorFinder(model, { [name]: branch });
    for (const { weight, weightShape } of found.functions.flatMap((f) => f.layers)) {
      expect(find(weight)!.tensor.dims.map(Number)).toEqual(weightShape);
    }
  });
});

it('a trained CIFAR-10 ResNet-20 has 20 functions', async ({ skip }) => {
  const path = join(import.meta.dirname, '../../../../../shared/data/cifar10/resnet20.onnx');
  if (!existsSync(path)) skip('shared/data/cifar10 is not there');
  const { functions, ties, skipped } = findNetwork(await readModel(path));
  expect(functions).toHaveLength(20);
  expect({ ties, skipped }).toEqual({ ties: [], skipped: [] });
});
