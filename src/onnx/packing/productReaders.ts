/** Matrix products whose weights ONNX Runtime keeps packed: it fuses each with a DequantizeLinear of its own (MatMulNBits). */
import type { Graph } from '../graph/graph';
import { bodiesOf, findAttribute, intAttribute, standardOp } from '../proto/attributes';
import type { NodeProto } from '../proto/onnx_pb';
import { dimsOf } from '../proto/tensors';

export interface ProductReader {
  node: NodeProto;
  /** It reads the stored matrix as [outputs, inputs]; what is fused has [inputs, outputs]. */
  transposed: boolean;
}

/** All readers of a stored matrix, where each of them is fused once it reads a DequantizeLinear; else none. */
export function productReaders(graph: Graph, tensor: string): ProductReader[] {
  const stored = graph.stored(tensor);
  if (stored?.dims.length !== 2 || graph.isOutput(tensor)) return [];
  const readers = graph.consumers(tensor).map((index) => productReader(graph, graph.order[index], tensor));
  return readers.every((reader) => reader !== null) && sameSide(readers) ? readers : [];
}

function sameSide(readers: readonly ProductReader[]): boolean {
  return readers.every(({ transposed }) => transposed === readers[0].transposed);
}

function productReader(graph: Graph, node: NodeProto, tensor: string): ProductReader | null {
  const op = standardOp(node);
  if (node.input[1] !== tensor || node.input[0] === tensor || bodiesOf(node).length > 0) return null;
  if (op === 'MatMul') return { node, transposed: false };
  if (op !== 'Gemm' || intAttribute(node, 'transA', 0) !== 0 || factor(node, 'alpha') !== 1) return null;
  const transposed = intAttribute(node, 'transB', 0) !== 0;
  const bias = node.input[2] ?? '';
  if (bias !== '') {
    const outputs = dimsOf(graph.stored(tensor)!)[transposed ? 0 : 1];
    const stored = graph.stored(bias);
    // A bias that is broadcast, or scaled, keeps ONNX Runtime from fusing.
    if (!stored || dimsOf(stored).join() !== String(outputs) || factor(node, 'beta') !== 1) return null;
  }
  return { node, transposed };
}

function factor(node: NodeProto, name: string): number {
  return findAttribute(node, name)?.f ?? 1;
}
