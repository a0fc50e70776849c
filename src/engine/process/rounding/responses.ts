/** The responses of a layer in the float network: from its own output, which the network computes anyway. */
import type { Graph } from '../../../onnx/graph/graph';
import { isRecurrent } from '../../../onnx/network/recurrent';
import type { HeldTensor } from '../../../onnx/packing/weights';
import { findAttribute } from '../../../onnx/proto/attributes';
import { readFloats } from '../../../onnx/proto/tensors';
import type { Im2colLayer, OutputLayout } from './im2col';

/** Null where the output is more than W x and a constant per channel. */
export async function outputLayout(
  { layer, node, kernel, left, rows: { groups, rows } }: Im2colLayer,
  graph: Graph,
  held: ReadonlyMap<string, HeldTensor>,
  path: string,
): Promise<OutputLayout | null> {
  if (isRecurrent(layer.op)) return null;
  if (['alpha', 'beta'].some((name) => (findAttribute(node, name)?.f ?? 1) !== 1)) return null;
  const channelsLast = kernel.length === 0 && !left;
  const name = node.input[2] ?? '';
  if (name === '') return { channelsLast, bias: null };
  const tensor = graph.isConstant(name) ? held.get(name)?.tensor : undefined;
  if (!tensor) return null;
  const channels = groups * rows;
  const dims = tensor.dims.map(Number);
  // Of a product's bias only the axis that its channels run along may be longer than 1.
  const axis = left ? dims.length - 2 : dims.length - 1;
  if (dims.some((size, i) => size !== 1 && (i !== axis || size !== channels))) return null;
  const values = await readFloats(tensor, path);
  const bias = values.length === channels ? values : new Float32Array(channels).fill(values[0]);
  return { channelsLast, bias };
}
