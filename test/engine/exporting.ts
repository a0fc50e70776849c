/** What the tests of exporting ask of the engine. */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { EvaluateReply, ExportReply, ExportRequest } from '../../src/engine/protocol';
import { readModel } from '../../src/onnx/files/file';
import { findNetwork } from '../../src/onnx/network/functions';
import type { ModelProto } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { startEngine, synthetic } from './harness';

export type Options = Partial<ExportRequest> & { width?: number | number[] };

export async function request(model: string, { width = 4, ...more }: Options = {}): Promise<ExportRequest> {
  const data = more.data ?? synthetic(24);
  const network = findNetwork(await readModel(model), { shapes: data.shapes, branches: data.branches });
  return {
    kind: 'export',
    model,
    out: join(dirname(model), 'small.onnx'),
    overwrite: false,
    granularity: 'layer',
    bits: network.functions.map((_, i) => (Array.isArray(width) ? width[i % width.length] : width)),
    rounding: 'reconstruct',
    scaleType: 'float32',
    activations: null,
    data,
    config: 'a'.repeat(64),
    memoryLimit: 0,
    ...more,
  };
}

export async function quantize(model: string, options: Options = {}): Promise<ExportReply & { out: string }> {
  const { engine } = startEngine();
  const asked = await request(model, options);
  const reply = await engine.request(asked);
  expect(reply.bytes).toBe(statSync(asked.out).size);
  expect(Math.abs(reply.bytes - reply.predictedBytes)).toBeLessThanOrEqual(8);
  return { ...reply, out: asked.out };
}

export async function compare(model: string, other: string, data = synthetic(24)): Promise<EvaluateReply> {
  const { engine } = startEngine();
  return engine.request({ kind: 'evaluate', model, other, data, allSamples: false, perLayer: true });
}

/** Layers of every kind, an odd number of weights, a batch norm that stays a node, tied weights. */
export function everyLayer(options: { opset?: number; batch?: number | string } = {}): ModelProto {
  const b = new ModelBuilder({ opset: options.opset ?? 17, seed: 2 });
  const x = b.input('x', [options.batch ?? 'batch', 3, 12, 12]);
  let y = b.relu(b.bn(b.conv(x, 15, { kernel: 3, name: 'first', bias: false })));
  y = b.relu(b.conv(y, 15, { kernel: 5, groups: 15, name: 'depthwise' }));
  y = b.relu(b.conv(y, 24, { kernel: 3, groups: 3, name: 'grouped' }));
  y = b.relu(b.convTranspose(y, 20, { name: 'up', kernel: 3 }));
  y = b.relu(b.convTranspose(y, 20, { name: 'upGrouped', groups: 4, stride: 1 }));
  y = b.relu(b.conv(y, 20, { kernel: 3, name: 'tied' }));
  y = b.relu(b.op('Conv', [y, 'tied.weight'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }));
  y = b.setChannels(b.flatten(b.globalAveragePool(y)), 20);
  y = b.relu(b.gemm(y, 31, { name: 'gemm' }));
  y = b.relu(b.gemm(y, 33, { name: 'gemmB', transB: false }));
  y = b.matmul(y, 9, { name: 'matmul' });
  return b.output(y).build();
}
