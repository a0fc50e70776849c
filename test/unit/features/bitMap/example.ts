/** A small config and the inspection of the model that it belongs to. */
import type { Config } from '../../../../src/config/config';
import { BIT_WIDTHS, type BitWidth } from '../../../../src/core/problem/widths';
import type { InspectReply } from '../../../../src/engine/protocol';

const PARAMS = [432, 9216, 36_864, 640];
const FIXED = 1000;

function bytesAt(params: number, bits: BitWidth): number {
  return bits > 8 ? (params * bits) / 8 : Math.ceil(params / 8) * bits + 64;
}

export function exampleConfig(): Config {
  const bits: BitWidth[] = [8, 4, 4, 8];
  const functions = PARAMS.map((params, i) => ({
    name: `layer${i}/Conv`,
    bits: bits[i],
    lock: false,
    layers: [`layer${i}/Conv`],
    params,
    macs: params * 64,
    gamma: 2 + i / 10,
    importance: 1 - i / 10,
    bytes: bytesAt(params, bits[i]),
  }));
  const total = PARAMS.reduce((a, b) => a + b, 0);
  return {
    version: 1,
    model: { file: 'm.onnx', sha256: 'a'.repeat(64), bytes: total * 4 + FIXED },
    calibration: {
      path: 'calibration',
      samples: 64,
      seed: 0,
      shapes: { input: [1, 3, 32, 32] },
      preprocessing: { preset: 'cifar10' },
    },
    scoring: { granularity: 'layer', centered: true, decay: 'exp', beta: 1, provider: 'CPU, 2 threads' },
    allocation: {
      objective: 'orthogonality',
      budget: { averageBits: 4.2 },
      widths: [2, 3, 4, 5, 6, 7, 8],
      pin: { first: 8, last: 8 },
    },
    functions,
    totals: {
      bytes: functions.reduce((sum, f) => sum + f.bytes, FIXED),
      budgetBytes: 26_500,
      fixedBytes: FIXED,
      averageBits: functions.reduce((sum, f) => sum + f.bits * f.params, 0) / total,
      params: total,
    },
    solver: { status: 'optimal', objective: 20, bound: 20, gap: 0, bits },
  };
}

export function exampleInspect(config: Config): InspectReply {
  return {
    shares: { quantizable: 0, staying: [], floats: { elements: 0, bits: 0 } },
    sha256: config.model.sha256,
    files: [],
    bytes: config.model.bytes,
    size: {
      fixedBytes: FIXED,
      functionBytes: PARAMS.map((params) =>
        Object.fromEntries(BIT_WIDTHS.map((bits) => [bits, bytesAt(params, bits)])),
      ),
    },
    outputs: [],
    network: {
      opset: 17,
      irVersion: 8,
      inputs: [],
      outputs: [],
      functions: config.functions.map((f, i) => ({
        name: f.name,
        layers: [
          {
            node: f.name,
            op: 'Conv',
            weight: `w${i}`,
            weightShape: [PARAMS[i]],
            weightType: 1,
            channelAxis: 0,
            groups: 1,
            input: `x${i}`,
            output: `y${i}`,
            params: PARAMS[i],
            macs: PARAMS[i] * 64,
          },
        ],
        op: 'Conv',
        output: `y${i}`,
        shape: [1, 16, 8, 8],
        params: PARAMS[i],
        macs: PARAMS[i] * 64,
        stage: 0,
      })),
      ties: [],
      skipped: [],
      shared: [],
    },
  };
}
