/** Which nodes of a graph have constant weights that we can quantize. */
import type { Graph } from '../graph/graph';
import { intAttribute, standardOp } from '../proto/attributes';
import { product } from '../proto/dims';
import type { NodeProto } from '../proto/onnx_pb';
import { dimsOf } from '../proto/tensors';
import { elementsOf } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import type { Layer, LayerOp } from './network';
import { isOneHot } from './oneHot';
import { traceWeights } from './stored';

/** A layer and the index of its node in Graph.order. */
export interface PlacedLayer {
  layer: Layer;
  index: number;
  /** The tensor to be scored; absent: where its epilogue ends. */
  end?: string;
}

type ProductOp = Extract<LayerOp, 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul'>;

const OPS: ReadonlySet<string> = new Set<ProductOp>(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Convolutions and matrix products. */
export function isLayerOp(op: string): op is ProductOp {
  return OPS.has(op);
}

/** @param shapes for one sample: macs are counted from them */
export function describeLayer(graph: Graph, shapes: Shapes, index: number): PlacedLayer | { reason: string } {
  const node = graph.order[index];
  const op = standardOp(node) as ProductOp;
  const { input, weight, left } = weightOf(graph, node);
  if (op === 'MatMul' && !graph.isConstant(weight)) {
    return { reason: 'it multiplies two computed tensors and has no weights of its own' };
  }
  const found = traceWeights(graph, shapes, weight);
  if ('reason' in found) return found;
  const expected = op === 'Gemm' || op === 'MatMul' ? 2 : 3;
  if (found.shape.length < expected || (op === 'Gemm' && found.shape.length > 2)) {
    return { reason: `its weights have ${found.shape.length} axes, which ${op} does not take` };
  }
  const groups = op === 'Conv' || op === 'ConvTranspose' ? intAttribute(node, 'group', 1) : 1;
  const picks = op === 'MatMul' && !left && isOneHot(graph, input);
  const last = found.shape.length - 1;
  const channel = picks ? last - 1 : outputAxis(node, op, found.shape, groups, left);
  const channelAxis = found.storedAxis(channel);
  if (channelAxis === null) return { reason: 'its weights are reshaped across output channels' };
  const output = node.output[0] ?? '';
  const params = product(found.shape);
  return {
    index,
    layer: {
      node: graph.nodeNames[index],
      op,
      weight: found.name,
      weightShape: dimsOf(found.tensor),
      weightType: found.tensor.dataType,
      channelAxis,
      groups,
      ...(picks ? { picks: { axis: channelAxis, by: 'oneHot' as const } } : {}),
      input,
      output,
      params,
      macs: countMacs(op, shapes, found.shape, picks ? last : channel, input, output),
    },
  };
}

/** The two operands of a layer; a matrix product may have its weights on either side. */
export function weightOf(graph: Graph, node: NodeProto): { input: string; weight: string; left: boolean } {
  const op = standardOp(node);
  const [first = '', second = ''] = node.input;
  const left = (op === 'MatMul' || op === 'Gemm') && graph.isConstant(first);
  return left ? { input: second, weight: first, left } : { input: first, weight: second, left };
}

/**
 * The axis of the weights, as the layer sees them, along which output channels run. A ConvTranspose stores
 * [in, out / groups, ...]: output channels run along axis 1 and start anew in every group, so that one index stands for
 * one channel of each group; in the depthwise case (one channel per group) they run along axis 0.
 */
function outputAxis(node: NodeProto, op: ProductOp, shape: number[], groups: number, left: boolean): number {
  switch (op) {
    case 'Conv':
      return 0;
    case 'ConvTranspose':
      return shape[1] === 1 && groups === shape[0] ? 0 : 1;
    case 'Gemm':
      if (left) return intAttribute(node, 'transA', 0) === 0 ? 0 : 1;
      return intAttribute(node, 'transB', 0) === 0 ? 1 : 0;
    case 'MatMul':
      return left ? shape.length - 2 : shape.length - 1;
  }
}

/**
 * Every weight of a convolution meets each position of its output (transposed: of its input) once; a matrix product
 * sums over the other one of its weights' last two axes per output element.
 */
function countMacs(
  op: ProductOp,
  shapes: Shapes,
  weights: number[],
  channel: number,
  input: string,
  output: string,
): number | null {
  const matrix = op === 'Gemm' || op === 'MatMul';
  const last = weights.length - 1;
  const perElement = matrix ? weights[channel === last ? last - 1 : last] : product(weights.slice(1));
  const elements = elementsOf(shapes, op === 'ConvTranspose' ? input : output);
  return elements === null ? null : elements * perElement;
}
