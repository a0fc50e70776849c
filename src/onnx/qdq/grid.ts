/** Grids of activations, and what they make superfluous. */
import { standardOp } from '../proto/attributes';
import { Graph } from '../graph/graph';
import type { GraphProto, NodeProto } from '../proto/onnx_pb';
import { smallValues } from '../proto/tensors';
import type { ActivationTensor } from './placement';

/** uint8 value = clamp(round(x / scale) + zeroPoint, 0, 2^bits - 1). */
export interface Grid {
  scale: number;
  zeroPoint: number;
}

/** Less than half a step: what lies so near beyond a grid's end is rounded to the end. */
const NEAR = 0.499;

/**
 * The nodes Relu and Clip whose output is a tensor with a grid of its own that ends where they cut, so that quantizing
 * their input does the same. ONNX Runtime finds some of them itself, and 1.30 breaks the graph over others.
 */
export function takenByGrids(
  proto: GraphProto,
  { tensors, grids }: { tensors: readonly ActivationTensor[]; grids: ReadonlyMap<string, Grid> },
): Set<NodeProto> {
  const graph = new Graph(proto);
  return new Set(
    tensors.flatMap(({ tensor, like, bits }) => {
      const node = like === null ? graph.producer(tensor) : undefined;
      const bounds = node && boundsOf(graph, node);
      if (!bounds) return [];
      const { scale, zeroPoint } = grids.get(tensor)!;
      const [least, most] = bounds.map((bound) => bound / scale + zeroPoint);
      return least <= NEAR && most >= 2 ** bits - 1 - NEAR ? [node] : [];
    }),
  );
}

/** Null for a node that cuts nothing off, or not at constants. */
function boundsOf(graph: Graph, node: NodeProto): [number, number] | null {
  const op = standardOp(node);
  if (op === 'Relu') return [0, Infinity];
  if (op !== 'Clip' || node.attribute.length > 0) return null;
  const [least, most] = [node.input[1], node.input[2]].map((name, i) => {
    if (!name) return [-Infinity, Infinity][i];
    const stored = graph.stored(name);
    return (stored && smallValues(stored)?.[0]) ?? NaN;
  });
  return Number.isNaN(least) || Number.isNaN(most) ? null : [least, most];
}
