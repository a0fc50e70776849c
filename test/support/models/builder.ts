/** Builds ONNX models for tests and benchmarks, with seeded random weights. */
import { create } from '@bufbuild/protobuf';
import { Names } from '../../../src/onnx/graph/names';
import {
  type AttributeValue,
  float,
  int64s,
  node,
  scalar,
  tensor,
  type TensorData,
  valueInfo,
} from '../../../src/onnx/proto/build';
import type { Dimension } from '../../../src/onnx/proto/dims';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
} from '../../../src/onnx/proto/onnx_pb';
import { Random } from './random';

export interface ConvOptions {
  kernel?: number;
  stride?: number;
  pad?: number;
  groups?: number;
  /** Bias in the node. Default true. */
  bias?: boolean;
  /** Weights are drawn with standard deviation gain / sqrt(fan in). Default sqrt(2) (He). */
  gain?: number;
  name?: string;
}

/** Every helper takes and returns tensor names. Channels (axis 1, or the last of a MatMul) are tracked by name. */
export class ModelBuilder {
  readonly graph: GraphProto = create(GraphProtoSchema, { name: 'test' });
  readonly random: Random;
  readonly names = new Names();
  private readonly channels = new Map<string, number>();

  constructor(readonly options: { opset?: number; irVersion?: number; seed?: number } = {}) {
    this.random = new Random(options.seed ?? 0);
  }

  get opset(): number {
    return this.options.opset ?? 17;
  }

  input(name: string, shape: readonly Dimension[], elemType: number = DataType.FLOAT): string {
    this.graph.input.push(valueInfo(this.names.unique(name), elemType, shape));
    const last = shape.length > 2 ? shape[1] : shape[shape.length - 1];
    if (typeof last === 'number') this.channels.set(name, last);
    return name;
  }

  /** Names a tensor as graph output; the shape may stay open. */
  output(name: string, shape: readonly Dimension[] | null = null, elemType: number = DataType.FLOAT): this {
    this.graph.output.push(valueInfo(name, elemType, shape));
    return this;
  }

  channelsOf(name: string): number {
    const channels = this.channels.get(name);
    if (channels === undefined) throw new Error(`channels of ${name} are not known: call setChannels`);
    return channels;
  }

  setChannels(name: string, channels: number): string {
    this.channels.set(name, channels);
    return name;
  }

  /** Adds a tensor to the initializers under a free name. */
  initializer(name: string, dims: readonly number[], data: TensorData, dataType?: DataType): string {
    return this.store(tensor(this.names.unique(name), dims, data, dataType));
  }

  store(proto: TensorProto): string {
    this.graph.initializer.push(proto);
    return proto.name;
  }

  /** Any node with one output (channels as its first input). */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
    options: { name?: string; domain?: string; output?: string } = {},
  ): string {
    const name = this.names.unique(options.name ?? `${type}_${this.graph.node.length}`);
    const output = options.output ?? this.names.unique(`${name}_out`);
    this.graph.node.push(node(type, inputs, [output], attributes, { name, domain: options.domain }));
    const channels = this.channels.get(inputs[0] ?? '');
    if (channels !== undefined) this.channels.set(output, channels);
    return output;
  }

  conv(x: string, outChannels: number, options: ConvOptions = {}): string {
    const { kernel = 1, stride = 1, groups = 1, bias = true, gain = Math.SQRT2 } = options;
    const pad = options.pad ?? kernel >> 1;
    const name = options.name ?? `conv${this.graph.node.length}`;
    const inGroup = this.channelsOf(x) / groups;
    const dims = [outChannels, inGroup, kernel, kernel];
    const weight = this.weight(`${name}.weight`, dims, gain / Math.sqrt(inGroup * kernel * kernel));
    const y = this.op(
      'Conv',
      [x, weight, ...(bias ? [this.bias(`${name}.bias`, outChannels)] : [])],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        dilations: [1, 1],
        group: groups,
      },
      { name },
    );
    return this.setChannels(y, outChannels);
  }

  convTranspose(x: string, outChannels: number, options: ConvOptions = {}): string {
    const { kernel = 2, stride = 2, groups = 1, bias = true, gain = Math.SQRT2, pad = 0 } = options;
    const name = options.name ?? `deconv${this.graph.node.length}`;
    const inChannels = this.channelsOf(x);
    const dims = [inChannels, outChannels / groups, kernel, kernel];
    const weight = this.weight(`${name}.weight`, dims, gain / Math.sqrt(inChannels / groups));
    const y = this.op(
      'ConvTranspose',
      [x, weight, ...(bias ? [this.bias(`${name}.bias`, outChannels)] : [])],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [pad, pad, pad, pad],
        group: groups,
      },
      { name },
    );
    return this.setChannels(y, outChannels);
  }

  /** Gemm on a 2-D tensor; weights [out, in] with transB 1, as PyTorch exports them. */
  gemm(x: string, out: number, options: { name?: string; transB?: boolean; gain?: number } = {}): string {
    const { transB = true, gain = 1 } = options;
    const name = options.name ?? `gemm${this.graph.node.length}`;
    const inputs = this.channelsOf(x);
    const dims = transB ? [out, inputs] : [inputs, out];
    const weight = this.weight(`${name}.weight`, dims, gain / Math.sqrt(inputs));
    const y = this.op('Gemm', [x, weight, this.bias(`${name}.bias`, out)], transB ? { transB: 1 } : {}, {
      name,
    });
    return this.setChannels(y, out);
  }

  /** MatMul by constant weights [in, out], with a bias Add by option. */
  matmul(x: string, out: number, options: { name?: string; bias?: boolean; gain?: number } = {}): string {
    const name = options.name ?? `matmul${this.graph.node.length}`;
    const inputs = this.channelsOf(x);
    const weight = this.weight(`${name}.weight`, [inputs, out], (options.gain ?? 1) / Math.sqrt(inputs));
    const y = this.setChannels(this.op('MatMul', [x, weight], {}, { name }), out);
    return (options.bias ?? true) ? this.op('Add', [y, this.bias(`${name}.bias`, out)]) : y;
  }

  /** Inference batch norm; scale drawn around `gain`. */
  bn(x: string, options: { gain?: number; name?: string } = {}): string {
    const count = this.channelsOf(x);
    const name = options.name ?? `bn${this.graph.node.length}`;
    const { random } = this;
    const gain = options.gain ?? 1;
    const vector = (suffix: string, draw: () => number) =>
      this.initializer(`${name}.${suffix}`, [count], Float32Array.from({ length: count }, draw));
    const inputs = [
      x,
      vector('weight', () => gain * (1 + 0.2 * random.normal())),
      vector('bias', () => 0.1 * random.normal()),
      vector('running_mean', () => 0.1 * random.normal()),
      vector('running_var', () => 0.8 + 0.4 * random.uniform()),
    ];
    return this.op('BatchNormalization', inputs, { epsilon: float(1e-5) }, { name });
  }

  relu(x: string): string {
    return this.op('Relu', [x]);
  }

  /** Clip to [min, max]: attributes before opset 11, inputs after. */
  clip(x: string, min = 0, max = 6): string {
    if (this.opset < 11) return this.op('Clip', [x], { min: float(min), max: float(max) });
    return this.op('Clip', [x, this.scalar('clip.min', min), this.scalar('clip.max', max)]);
  }

  silu(x: string): string {
    return this.op('Mul', [x, this.op('Sigmoid', [x])]);
  }

  /** x / 2 * (1 + erf(x / sqrt 2)), written out. */
  gelu(x: string): string {
    const erf = this.op('Erf', [this.op('Div', [x, this.scalar('sqrt2', Math.SQRT2)])]);
    const both = this.op('Mul', [x, this.op('Add', [erf, this.scalar('one', 1)])]);
    return this.op('Mul', [both, this.scalar('half', 0.5)]);
  }

  add(a: string, b: string): string {
    return this.op('Add', [a, b]);
  }

  maxPool(x: string, kernel = 3, stride = 2, pad = 1): string {
    return this.op('MaxPool', [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  globalAveragePool(x: string): string {
    return this.op('GlobalAveragePool', [x]);
  }

  flatten(x: string): string {
    return this.op('Flatten', [x], { axis: 1 });
  }

  /** Needs opset 17. */
  layerNorm(x: string): string {
    const count = this.channelsOf(x);
    const scale = this.initializer('ln.weight', [count], new Float32Array(count).fill(1));
    return this.op(
      'LayerNormalization',
      [x, scale, this.initializer('ln.bias', [count], new Float32Array(count))],
      {
        axis: -1,
      },
    );
  }

  reshape(x: string, shape: readonly number[], channels?: number): string {
    const y = this.op('Reshape', [x, this.int64s('shape', shape)]);
    return channels === undefined ? y : this.setChannels(y, channels);
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.op('Transpose', [x], { perm });
  }

  int64s(name: string, values: readonly number[]): string {
    return this.store(int64s(this.names.unique(name), values));
  }

  scalar(name: string, value: number): string {
    return this.store(scalar(this.names.unique(name), value));
  }

  /** Normal weights of the given standard deviation. */
  weight(name: string, dims: readonly number[], deviation: number): string {
    const count = dims.reduce((a, b) => a * b, 1);
    return this.initializer(name, dims, this.random.normals(count, deviation));
  }

  bias(name: string, count: number): string {
    return this.initializer(name, [count], this.random.normals(count, 0.05));
  }

  build(): ModelProto {
    return create(ModelProtoSchema, {
      irVersion: BigInt(this.options.irVersion ?? (this.opset < 9 ? 3 : 8)),
      producerName: 'ompq-test',
      opsetImport: [{ domain: '', version: BigInt(this.opset) }],
      graph: this.graph,
    });
  }
}
