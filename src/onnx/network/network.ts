/** What we know of a network from its file alone: its inputs, and the functions that can be quantized. */

import type { Dimension } from '../proto/dims';
import type { ScaleAxes } from './scaleAxes';

/** Operators whose constant weights we quantize. */
export type LayerOp =
  'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul' | 'Gather' | 'GatherElements' | 'LSTM' | 'GRU' | 'RNN';

export interface GraphInput {
  name: string;
  /** TensorProto.DataType */
  elemType: number;
  shape: Dimension[];
  /** Its values are indices below this: the rows of the smallest table that they look up. */
  vocabulary?: number;
}

/** One tensor of constant weights and the node that reads it. */
export interface Layer {
  /** Node name; made up from operator and position where the file has none. Unique in the network. */
  node: string;
  op: LayerOp;
  /** The tensor that holds the weights in the file: an initializer's name or a Constant node's output. */
  weight: string;
  /** Shape of the stored tensor. */
  weightShape: number[];
  /** TensorProto.DataType of the stored tensor (FLOAT or FLOAT16 ...). */
  weightType: number;
  /** Axis of the stored tensor along which output channels run: one quantization scale per index. */
  channelAxis: number;
  /** Axes in front of it for whose indices the scales are apart, too: heads of an expert, directions of an LSTM. */
  apart?: number[];
  /** Groups of a convolution; 1 elsewhere. */
  groups: number;
  /** The tensor the layer reads (its first, non-constant input). */
  input: string;
  /** The node's own output, before its epilogue. */
  output: string;
  /** Of an embedding table: the input picks along this axis of the stored tensor, by numbers or by one-hot vectors. */
  picks?: { axis: number; by: 'numbers' | 'oneHot' };
  /** Of recurrent weights R: what meets them is not the input, but the hidden state that the node puts out. */
  readsHidden?: boolean;
  /** Number of weight elements (bias not counted). */
  params: number;
  /** Multiply-accumulates for one sample; null where the spatial size is open. */
  macs: number | null;
}

/** The unit that is scored and gets one bit-width: one or more layers that end in the same tensor. */
export interface NetworkFunction {
  /** Unique, from the first layer's node name. */
  name: string;
  layers: Layer[];
  /** Operator of the layer that ends the function. */
  op: LayerOp;
  /** The tensor after the epilogue: what the Gram matrix is taken of. */
  output: string;
  /** Shape of that tensor, as far as it is known. */
  shape: Dimension[] | null;
  /** Weight elements, each stored tensor counted once: in the first function that reads it. */
  params: number;
  macs: number | null;
  /** Most elements of activations alive at a time while its layers run, for one sample; null: sizes are open. */
  activations?: number | null;
  /** Index of the stage (run of equal spatial resolution), 0-based. */
  stage: number;
}

export function scaleAxes({ weightShape, channelAxis, apart }: Layer): ScaleAxes {
  return { shape: weightShape, axis: channelAxis, apart };
}

export interface SkippedNode {
  name: string;
  op: string;
  /** Why it stays float, as a phrase for people. */
  reason: string;
}

export interface Network {
  opset: number;
  irVersion: number;
  inputs: GraphInput[];
  outputs: GraphInput[];
  /** In network (topological) order. */
  functions: NetworkFunction[];
  /** Groups of indices into functions that share an initializer and must get the same bits (only groups of two or more). */
  ties: number[][];
  skipped: SkippedNode[];
  /** Weights that others than layers read, too: they read the rounded ones. */
  shared: SharedWeight[];
}

/** A layer's weights and who else in the model reads them, as phrases for people: '"norm" (Mul)', "an output". */
export interface SharedWeight {
  weight: string;
  readers: string[];
}

export type Branch = 'then' | 'else';

/** Which branch of an If is taken, by the node's name (see takeBranches). */
export type Branches = Readonly<Record<string, Branch>>;

export type Granularity = 'layer' | 'block' | 'stage' | 'net';
