/** Vectors that are 1 at one place and 0 elsewhere: a product with them picks rows of its weights. */
import type { Graph } from '../graph/graph';
import { findAttribute, standardOp } from '../proto/attributes';
import { smallValues } from '../proto/tensors';

/** Nodes that hand on what they are given. */
const THROUGH = new Set(['Cast', 'Identity']);

/** Is the tensor made of such vectors, along its last axis? */
export function isOneHot(graph: Graph, tensor: string): boolean {
  let node = graph.producer(tensor);
  while (node && THROUGH.has(standardOp(node))) node = graph.producer(node.input[0] ?? '');
  if (!node || standardOp(node) !== 'OneHot') return false;
  const values = graph.stored(node.input[2] ?? '');
  const axis = findAttribute(node, 'axis')?.i ?? -1n;
  return axis === -1n && values !== undefined && String(smallValues(values)) === '0,1';
}
