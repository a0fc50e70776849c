/** Weights of layers that other nodes read as well. */
import type { Graph } from '../graph/graph';
import { standardOp } from '../proto/attributes';
import type { Layer, SharedWeight } from './network';

/** They only bring weights to a layer in another form. */
const ON_THE_WAY = new Set(['Identity', 'Cast', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);
/** Rounding changes nothing that they look at. */
const MEASURING = new Set(['Shape', 'Size']);

/**
 * Those that another node than a layer reads, or that are outputs of the model, in network order.
 * @param nodes indices of the layers' nodes in Graph.order
 */
export function sharedWeights(
  graph: Graph,
  layers: readonly Pick<Layer, 'weight'>[],
  nodes: ReadonlySet<number>,
): SharedWeight[] {
  return [...new Set(layers.map(({ weight }) => weight))].flatMap((weight) => {
    const readers = otherReaders(graph, weight, nodes);
    return readers.length > 0 ? [{ weight, readers }] : [];
  });
}

function otherReaders(graph: Graph, weight: string, layers: ReadonlySet<number>): string[] {
  const readers: string[] = [];
  const waiting = [weight];
  for (let tensor = waiting.pop(); tensor !== undefined; tensor = waiting.pop()) {
    if (graph.isOutput(tensor)) readers.push(`the output "${tensor}"`);
    for (const index of graph.consumers(tensor)) {
      const node = graph.order[index];
      const op = standardOp(node);
      if (MEASURING.has(op) || layers.has(index)) continue;
      if (ON_THE_WAY.has(op) && node.input[0] === tensor) waiting.push(node.output[0] ?? '');
      else readers.push(`"${graph.nodeNames[index]}" (${node.opType})`);
    }
  }
  return readers;
}
