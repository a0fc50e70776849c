/** Second moments of a layer's inputs, by ONNX Runtime: im2col as a one-hot convolution, then a matrix product. */
import { create } from '@bufbuild/protobuf';
import { dirname } from 'node:path';
import { TYPES } from '../calibration/tensorTypes';
import { int64s, node as makeNode, tensor, valueInfo } from '../onnx/build';
import type { Layer } from '../onnx/network';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx/schema/onnx_pb';
import { elements } from '../onnx/unpack';
import type { Prefix } from './exportPrefix';
import type { LayerRows } from './exportRows';
import { Devices } from './adaptive';
import { serialize } from './heads';
import type { Job } from './job';
import type { Feeds } from './runtime';

/** A layer with everything that unfolding its inputs needs. */
export interface UnfoldedLayer {
  layer: Layer;
  node: NodeProto;
  /** Spatial shape of a convolution's weights; empty for matrix products. */
  kernel: number[];
  /** Matrix products: the columns run along the last axis of the input (false: along the one before it). */
  columnsLast: boolean;
  rows: LayerRows;
}

export interface Moments {
  /** Per group U^T U / n, [columns, columns]. */
  moments: Float64Array[];
  /** Per group Yf^T U / n, [rows, columns]; null where no float network was given. */
  responses: Float64Array[] | null;
  /** Per group the mean of U, [columns]. */
  means: Float64Array[];
  /** Positions used (n) and there. */
  used: number;
  all: number;
}

/** Where the values of a tensor come from, block by block. */
export type Tensors = Pick<Prefix, 'blockCount' | 'tensor'>;

/** Positions per column at which more add nothing (measured on CIFAR-10: see bench/accuracy). */
const POSITIONS_PER_COLUMN = 16;
const LEAST_POSITIONS = 32768;
/** Bytes that the unfolded inputs of a convolution take at once, at most: nine times its inputs, at 3 x 3. */
const UNFOLDED_BYTES = 256e6;

/**
 * Sums over all blocks of samples. Where there are far more positions than columns, every s-th position is used, s
 * prime, starting elsewhere in every block.
 * @param weights the float weights, [groups, rows, columns], for the responses
 */
export async function layerMoments(
  unfolded: UnfoldedLayer,
  quantized: Tensors,
  float: { prefix: Prefix; weights: Float32Array } | null,
  path: string,
  job: Job,
  devices?: Devices,
  unfoldedBytes = UNFOLDED_BYTES,
): Promise<Moments> {
  const { layer, rows } = unfolded;
  const first = quantized.tensor(0, layer.input);
  const model = momentsModel(unfolded, first, float !== null);
  const session = (devices ?? (await Devices.open('cpu', job))).session({
    bytes: () => serialize(model),
    folder: dirname(path),
    model: path,
  });
  try {
    // Convolutions can be unfolded sample by sample; one sample tells how many positions there are.
    const isApart = unfolded.kernel.length > 0;
    const feeds = (block: number, from: number, count: number, start: number, step: number): Feeds => {
      const some = (tensor: Feeds[string]) => (isApart ? samplesOf(tensor, from, count) : tensor);
      return {
        quantized: some(quantized.tensor(block, layer.input)),
        ...(float
          ? {
              float: some(float.prefix.tensor(block, layer.input)),
              weights: weightTensor(float.weights, rows),
            }
          : {}),
        start: { type: 'int64', data: BigInt64Array.of(BigInt(start)), dims: [1] },
        step: { type: 'int64', data: BigInt64Array.of(BigInt(step)), dims: [1] },
      };
    };
    const size = (block: number) => (isApart ? quantized.tensor(block, layer.input).dims[0] : 1);
    const probe = await session.runTensors(feeds(0, 0, 1, 0, 2 ** 30), 0);
    const [batch, , positions] = Array.from(probe.shape.data as BigInt64Array, Number);
    const all = size(0) * batch * positions * quantized.blockCount;
    const step = stepFor(all, positions, rows.columns);
    const perSample = 4 * rows.groups * rows.columns * positions * (float ? 2 : 1);
    const atOnce = Math.max(1, Math.floor(unfoldedBytes / perSample));
    const sums = new Sums(rows, float !== null);
    for (let block = 0; block < quantized.blockCount; block++) {
      const left = quantized.blockCount - block;
      for (let from = 0; from < size(block); from += atOnce) {
        await job.checkpoint();
        const count = Math.min(atOnce, size(block) - from);
        sums.add(await session.runTensors(feeds(block, from, count, (block * 7919) % step, step), left));
      }
    }
    return { ...sums.finish(), all };
  } finally {
    await session.close();
  }
}

/** Samples of a tensor that has them along its first axis. */
function samplesOf(tensor: Feeds[string], from: number, count: number): Feeds[string] {
  const [all, ...rest] = tensor.dims;
  const size = tensor.data.length / all;
  const data = tensor.data.subarray(from * size, (from + count) * size);
  return { ...tensor, data, dims: [count, ...rest] } as Feeds[string];
}

function weightTensor(weights: Float32Array, { groups, rows, columns }: LayerRows): Feeds[string] {
  return { type: 'float32', data: weights, dims: [groups, rows, columns] };
}

/** The largest prime step that leaves enough positions, and one at least; 1: all. */
function stepFor(all: number, positions: number, columns: number): number {
  const largest = Math.min(positions, all / Math.max(LEAST_POSITIONS, POSITIONS_PER_COLUMN * columns));
  for (let step = Math.floor(largest); step > 1; step--) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= step && prime; divisor++) prime = step % divisor !== 0;
    if (prime) return step;
  }
  return 1;
}

class Sums {
  private readonly moments: Float64Array;
  private readonly responses: Float64Array | null;
  private readonly means: Float64Array;
  private count = 0;

  constructor(
    private readonly size: LayerRows,
    responses: boolean,
  ) {
    const { groups, rows, columns } = size;
    this.moments = new Float64Array(groups * columns * columns);
    this.responses = responses ? new Float64Array(groups * rows * columns) : null;
    this.means = new Float64Array(groups * columns);
  }

  add(outputs: Feeds): void {
    accumulate(this.moments, outputs.moments.data as Float32Array);
    accumulate(this.means, outputs.means.data as Float32Array);
    if (this.responses) accumulate(this.responses, outputs.responses.data as Float32Array);
    this.count += Number((outputs.used.data as BigInt64Array)[2]);
  }

  finish(): Omit<Moments, 'all'> {
    const { groups, rows, columns } = this.size;
    const divided = (sums: Float64Array, size: number) => {
      for (let i = 0; i < sums.length; i++) sums[i] /= this.count;
      return Array.from({ length: groups }, (_, g) => sums.subarray(g * size, (g + 1) * size));
    };
    return {
      moments: divided(this.moments, columns * columns),
      means: divided(this.means, columns),
      responses: this.responses && divided(this.responses, rows * columns),
      used: this.count,
    };
  }
}

function accumulate(sums: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i];
}

/** Inputs quantized, float, weights, start, step; outputs moments, means (sums as yet), responses,
 * shape (unfolded), used (after picking). */
function momentsModel(unfolded: UnfoldedLayer, first: Feeds[string], withFloat: boolean): ModelProto {
  const writer = new Writer();
  const { rows } = unfolded;
  const columns = unfold(writer, 'quantized', unfolded, first.dims);
  writer.add('Shape', [columns], {}, 'shape');
  const u = pickPositions(writer, columns, rows.groups, rows.columns);
  writer.add('Shape', [u], {}, 'used');
  const transposed = writer.add('Transpose', [u], { perm: [0, 2, 1] });
  writer.add('MatMul', [u, transposed], {}, 'moments');
  writer.add('ReduceSum', [u, writer.constant(int64s('', [2]))], { keepdims: 0 }, 'means');
  if (withFloat) {
    const float = unfold(writer, 'float', unfolded, first.dims);
    const y = writer.add('MatMul', ['weights', pickPositions(writer, float, rows.groups, rows.columns)]);
    writer.add('MatMul', [y, transposed], {}, 'responses');
  }
  const type = TYPES[first.type].elemType;
  const inputs: [string, number][] = [
    ['quantized', type],
    ['start', DataType.INT64],
    ['step', DataType.INT64],
    ...(withFloat
      ? ([
          ['float', type],
          ['weights', DataType.FLOAT],
        ] as [string, number][])
      : []),
  ];
  const outputs: [string, number][] = [
    ['shape', DataType.INT64],
    ['used', DataType.INT64],
    ['moments', DataType.FLOAT],
    ['means', DataType.FLOAT],
    ...(withFloat ? ([['responses', DataType.FLOAT]] as [string, number][]) : []),
  ];
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(GraphProtoSchema, {
      name: 'moments',
      node: writer.nodes,
      initializer: writer.constants,
      input: inputs.map(([name, elemType]) => valueInfo(name, elemType, null)),
      output: outputs.map(([name, elemType]) => valueInfo(name, elemType, null)),
    }),
  });
}

/** The layer's inputs as [batch, groups * columns, positions], float32. */
function unfold(
  writer: Writer,
  input: string,
  { layer, node, kernel, columnsLast, rows }: UnfoldedLayer,
  dims: number[],
): string {
  const x = writer.add('Cast', [input], { to: DataType.FLOAT });
  const all = rows.groups * rows.columns;
  if (layer.op === 'Gemm' || layer.op === 'MatMul') {
    if (columnsLast) {
      const flat = writer.add('Reshape', [x, writer.shape([1, -1, all])]);
      return writer.add('Transpose', [flat], { perm: [0, 2, 1] });
    }
    const shape = dims.length > 2 ? [-1, all, dims[dims.length - 1]] : [1, all, -1];
    return writer.add('Reshape', [x, writer.shape(shape)]);
  }
  // Every channel as an image of its own: ONNX Runtime's WebGPU provider (1.30) gets the same as one grouped convolution
  // wrong, by 90 % at 20 groups of 9 outputs.
  const images = writer.add('Reshape', [x, writer.shape([-1, 1, ...kernel.map(() => 0)])]);
  const conv = makeNode(
    layer.op,
    [images, writer.constant(oneHot(layer.op === 'Conv', kernel))],
    [writer.name()],
    {},
  );
  conv.attribute = node.attribute.filter(({ name }) => name !== 'group');
  writer.nodes.push(conv);
  const flat = writer.add('Reshape', [conv.output[0], writer.shape([0, 0, -1])]);
  return writer.add('Reshape', [flat, writer.shape([-1, all, 0])]);
}

/** Weights of a convolution of one channel that puts out each tap of the kernel on its own. */
function oneHot(conv: boolean, kernel: number[]): TensorProto {
  const taps = elements(kernel);
  const data = new Float32Array(taps * taps);
  for (let t = 0; t < taps; t++) data[t * taps + t] = 1;
  return tensor('', conv ? [taps, 1, ...kernel] : [1, taps, ...kernel], data);
}

/** [batch, groups * columns, positions] -> [groups, columns, picked positions of all samples]. */
function pickPositions(writer: Writer, unfolded: string, groups: number, columns: number): string {
  const end = writer.constant(int64s('', [2 ** 31 - 1]));
  const axis = writer.constant(int64s('', [2]));
  const picked = writer.add('Slice', [unfolded, 'start', end, axis, 'step']);
  const grouped = writer.add('Reshape', [picked, writer.shape([0, groups, columns, -1])]);
  const turned = writer.add('Transpose', [grouped], { perm: [1, 2, 0, 3] });
  return writer.add('Reshape', [turned, writer.shape([groups, columns, -1])]);
}

class Writer {
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  private count = 0;

  name(): string {
    return `t${this.count++}`;
  }

  add(
    op: string,
    inputs: string[],
    attributes: Parameters<typeof makeNode>[3] = {},
    output = this.name(),
  ): string {
    this.nodes.push(makeNode(op, inputs, [output], attributes));
    return output;
  }

  constant(value: TensorProto): string {
    value.name = this.name();
    this.constants.push(value);
    return value.name;
  }

  shape(dims: number[]): string {
    return this.constant(int64s('', dims));
  }
}
