/** Small networks with configs, as formats take them. */
import type { Config } from '../../../../src/config/config';
import type { BitWidth } from '../../../../src/core/problem/widths';
import type { FormatContext } from '../../../../src/interop/format';
import { findNetwork } from '../../../../src/onnx/network/functions';
import type { ModelProto } from '../../../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../../../support/models/builder';

/** torchvision's names; layer1.0.conv2 and its shortcut are one function. */
export function residualNet(): ModelProto {
  const b = new ModelBuilder();
  let x = b.relu(b.conv(b.input('image', [1, 3, 8, 8]), 4, { name: 'conv1' }));
  let y = b.relu(b.conv(x, 8, { stride: 2, name: 'layer1.0.conv1' }));
  y = b.conv(y, 8, { name: 'layer1.0.conv2' });
  x = b.relu(b.add(y, b.conv(x, 8, { kernel: 1, pad: 0, stride: 2, name: 'layer1.0.downsample.0' })));
  x = b.relu(b.conv(x, 8, { name: 'layer1.1.conv1' }));
  const pooled = b.flatten(b.globalAveragePool(x));
  return b.output(b.gemm(pooled, 3, { name: 'fc' }), [1, 3]).build();
}

/** @param bits one per function, repeated as needed */
export function contextOf(model: ModelProto, bits: readonly BitWidth[], file = 'net.onnx'): FormatContext {
  const network = findNetwork(model);
  const functions = network.functions.map(({ name, layers, params, macs }, i) => ({
    name,
    bits: bits[i % bits.length],
    lock: false,
    layers: layers.map((layer) => layer.node),
    params,
    macs,
    gamma: 1 + i / 8,
    importance: 1 / (1 + i),
    bytes: params,
  }));
  const params = functions.reduce((sum, f) => sum + f.params, 0);
  const config: Config = {
    version: 1,
    model: { file, sha256: 'a'.repeat(64), bytes: 4 * params },
    calibration: { path: null, samples: 8, seed: 0, shapes: {}, preprocessing: { preset: 'raw' } },
    scoring: { granularity: 'layer', centered: true, decay: 'exp', beta: 1, provider: 'CPU' },
    allocation: { objective: 'orthogonality', budget: { averageBits: 4 }, widths: [2, 4, 8], pin: null },
    functions,
    totals: { bytes: params, budgetBytes: params, fixedBytes: 0, averageBits: 4, params },
    solver: {
      status: 'optimal',
      objective: 1,
      bound: 1,
      gap: 0,
      bits: functions.map((f) => f.bits),
    },
  };
  const layers = network.functions.flatMap((f) => f.layers);
  const scales = new Map(
    layers.map(({ weight, weightShape, channelAxis }) => [
      weight,
      Float32Array.from({ length: weightShape[channelAxis] }, (_, i) => (i + 1) / 64),
    ]),
  );
  const size = functions.length;
  const orm = Float64Array.from({ length: size * size }, (_, i) => i / size);
  return { config, network, names: new Map(), scales, orm };
}

/** Everything that a foreign file may call a layer of the network by. */
export function namesIn({ network }: FormatContext) {
  const layers = network.functions.flatMap((f) => f.layers);
  return {
    functions: network.functions.map((f) => f.name),
    nodes: layers.map((layer) => layer.node),
    weights: layers.map((layer) => layer.weight),
  };
}
