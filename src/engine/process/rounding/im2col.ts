/** A layer's inputs as its rows meet them (im2col), at the positions asked for and no others. */
import { product } from '../../../onnx/proto/dims';
import { smallModel } from '../../../onnx/graph/smallModel';
import { serialize } from '../../../onnx/graph/subgraph';
import type { Layer } from '../../../onnx/network/network';

import { node as makeNode, tensor, valueInfo } from '../../../onnx/proto/build';
import {
  TensorProto_DataType as DataType,
  type NodeProto,
  type TensorProto,
} from '../../../onnx/proto/onnx_pb';
import { Session } from '../ort/session';
import type { LayerRows } from './rows';

/** A layer with everything that unfolding its inputs needs. */
export interface Im2colLayer {
  layer: Layer;
  node: NodeProto;
  /** Spatial shape of a convolution's weights; empty for matrix products. */
  kernel: number[];
  /** Matrix products: the weights are on the left. */
  left: boolean;
  /** Matrix products: the columns run along the last axis of the input (false: along the one before it). */
  columnsLast: boolean;
  rows: LayerRows;
  /** Known so far, by the input's dims. */
  views: Map<string, View>;
}

/** Where the elements of the unfolded input lie in the input. */
export interface View {
  samples: number;
  /** Of the output, per sample. */
  positions: number;
  /** Columns that come from one channel. */
  taps: number;
  /** Elements between two samples, and between two channels. */
  sampleStride: number;
  channelStride: number;
  /** [taps, positions]: the element of its channel; -1: padding. */
  at: Int32Array;
}

/** Positions start, start + step, ... of the samples [from, from + count). */
export interface PatchLayout {
  from: number;
  count: number;
  start: number;
  step: number;
}

/** How a layer sees inputs of these sizes. */
export async function viewOf(layer: Im2colLayer, dims: readonly number[], model: string): Promise<View> {
  const key = dims.join();
  const known = layer.views.get(key);
  if (known) return known;
  const view = await findView(layer, dims, model);
  layer.views.set(key, view);
  return view;
}

async function findView(
  { layer, node, kernel, columnsLast, rows }: Im2colLayer,
  dims: readonly number[],
  model: string,
): Promise<View> {
  const all = rows.groups * rows.columns;
  const size = product([...dims]);
  if (kernel.length > 0) {
    const [samples, , ...spatial] = dims;
    const taps = product(kernel);
    const at = await tapIndices(layer.op === 'Conv', node, kernel, spatial, model);
    const [sampleStride, channelStride] = [size / samples, product(spatial)];
    return { samples, positions: at.length / taps, taps, sampleStride, channelStride, at };
  }
  if (columnsLast) {
    const at = Int32Array.from({ length: size / all }, (_, p) => p * all);
    return { samples: 1, positions: at.length, taps: 1, sampleStride: size, channelStride: 1, at };
  }
  const positions = dims.length > 2 ? dims[dims.length - 1] : size / all;
  const at = Int32Array.from({ length: positions }, (_, p) => p);
  const sampleStride = all * positions;
  return { samples: size / sampleStride, positions, taps: 1, sampleStride, channelStride: positions, at };
}

/** How a layer's own output holds W x. */
export interface OutputLayout {
  /** Channels are the last axis; false: they come before the positions. */
  channelsLast: boolean;
  /** Per channel; null: nothing is added to W x. */
  bias: Float32Array | null;
}

/** A layer's output, of `channels`, at the same positions of the same samples. */
export function outputView(
  { samples, positions }: View,
  { channelsLast }: OutputLayout,
  channels: number,
): View {
  return {
    samples,
    positions,
    taps: 1,
    sampleStride: channels * positions,
    channelStride: channelsLast ? 1 : positions,
    at: Int32Array.from({ length: positions }, (_, p) => (channelsLast ? p * channels : p)),
  };
}

/**
 * Into `result`: [columns, count x positions picked], columns of all groups; or, with `into`, the same as part of a wider
 * matrix: `stride` elements between two columns, `offset` from the first.
 */
export function im2col(
  result: Float32Array,
  values: ArrayLike<number>,
  { positions, taps, sampleStride, channelStride, at }: View,
  columns: number,
  { from, count, start, step }: PatchLayout,
  into?: { stride: number; offset: number },
): void {
  const picked = pickedPositions(positions, start, step);
  const { stride, offset } = into ?? { stride: count * picked, offset: 0 };
  const own = new Int32Array(taps * picked);
  for (let i = 0, tap = 0; tap < taps; tap++) {
    for (let p = 0; p < picked; p++) own[i++] = at[tap * positions + start + p * step];
  }
  const isPadded = own.includes(-1);
  // All taps of a channel in turn, while it is in the processor's cache.
  for (let channel = 0; channel < columns / taps; channel++) {
    for (let s = 0; s < count; s++) {
      const base = (from + s) * sampleStride + channel * channelStride;
      for (let tap = 0; tap < taps; tap++) {
        const to = (channel * taps + tap) * stride + offset + s * picked;
        const look = tap * picked;
        if (isPadded) {
          for (let p = 0; p < picked; p++) {
            const element = own[look + p];
            result[to + p] = element < 0 ? 0 : values[base + element];
          }
        } else for (let p = 0; p < picked; p++) result[to + p] = values[base + own[look + p]];
      }
    }
  }
}

/** Adds, per column, the products of two inputs and the second one alone, over the positions picked. */
export function addProducts(
  products: Float64Array,
  sums: Float64Array,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  { positions, taps, sampleStride, channelStride, at }: View,
  columns: number,
  { from, count, start, step }: PatchLayout,
): void {
  for (let column = 0; column < columns; column++) {
    const [channel, tap] = [Math.floor(column / taps), column % taps];
    let product = 0;
    let sum = 0;
    for (let s = from; s < from + count; s++) {
      const base = s * sampleStride + channel * channelStride;
      for (let p = tap * positions + start; p < (tap + 1) * positions; p += step) {
        if (at[p] < 0) continue;
        const value = second[base + at[p]];
        product += first[base + at[p]] * value;
        sum += value;
      }
    }
    products[column] += product;
    sums[column] += sum;
  }
}

export function pickedPositions(positions: number, start: number, step: number): number {
  return Math.max(0, Math.ceil((positions - start) / step));
}

/** Digits of an index: float32 holds each exactly. */
const DIGIT = 4096;

/**
 * [taps, positions] of a convolution. ONNX Runtime says it, whatever the strides, paddings and dilations: an image that
 * holds its own indices goes through a convolution whose channels each put out one tap.
 */
async function tapIndices(
  isConv: boolean,
  node: NodeProto,
  kernel: number[],
  spatial: number[],
  model: string,
): Promise<Int32Array> {
  const size = product(spatial);
  const indices = new Float32Array(2 * size);
  for (let i = 0; i < size; i++) {
    indices[i] = i % DIGIT;
    // Padding is 0.
    indices[size + i] = Math.floor(i / DIGIT) + 1;
  }
  const conv = makeNode(isConv ? 'Conv' : 'ConvTranspose', ['indices', 'taps'], ['seen'], {});
  conv.attribute = node.attribute.filter(({ name }) => name !== 'group');
  const graph = smallModel('taps', {
    node: [conv],
    initializer: [oneHot(isConv, kernel)],
    input: [valueInfo('indices', DataType.FLOAT, [2, 1, ...spatial])],
    output: [valueInfo('seen', DataType.FLOAT, null)],
  });
  const session = await Session.open(serialize(graph), { provider: 'cpu', folder: '.', model });
  try {
    const { seen } = await session.run({
      indices: { type: 'float32', data: indices, dims: [2, 1, ...spatial] },
    });
    const count = seen.length / 2;
    return Int32Array.from({ length: count }, (_, i) => {
      const high = Number(seen[count + i]);
      return high === 0 ? -1 : (high - 1) * DIGIT + Number(seen[i]);
    });
  } finally {
    await session.close();
  }
}

/** Weights of a convolution of one channel that puts out each tap of the kernel on its own. */
function oneHot(isConv: boolean, kernel: number[]): TensorProto {
  const taps = product(kernel);
  const data = new Float32Array(taps * taps);
  for (let t = 0; t < taps; t++) data[t * taps + t] = 1;
  return tensor('taps', isConv ? [taps, 1, ...kernel] : [1, taps, ...kernel], data);
}
