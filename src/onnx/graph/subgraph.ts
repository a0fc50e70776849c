/** Cutting a graph down to what some tensors need. */
import { bodiesOf } from '../proto/attributes';
import { captured, Graph } from './graph';
import type { GraphProto, NodeProto } from '../proto/onnx_pb';

/** Nodes (in topological order) and names of all tensors that the targets depend on, the targets included. */
export function neededFor(
  proto: GraphProto,
  targets: readonly string[],
): { nodes: NodeProto[]; tensors: Set<string> } {
  const graph = new Graph(proto);
  const tensors = new Set<string>();
  const nodes = new Set<NodeProto>();
  const waiting = [...targets];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name === '' || tensors.has(name)) continue;
    tensors.add(name);
    const producer = graph.producer(name);
    if (!producer || nodes.has(producer)) continue;
    nodes.add(producer);
    waiting.push(...producer.input);
    for (const body of bodiesOf(producer)) waiting.push(...captured(body));
  }
  return { nodes: graph.order.filter((node) => nodes.has(node)), tensors };
}
