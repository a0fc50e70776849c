/** How many activation elements are alive at a time: what memory a network needs while it runs, weights aside. */
import type { Graph } from '../graph/graph';
import type { Shapes } from '../shapes/rule';

/**
 * Per node of graph.order, the elements of all tensors that have been made and are still to be read while it runs, its
 * own inputs and outputs among them; null where one of them has an open size.
 */
export function liveElements(graph: Graph, shapes: Shapes, inputs: readonly string[]): (number | null)[] {
  const count = graph.order.length;
  const change = new Float64Array(count + 1);
  const unknown = new Int32Array(count + 1);
  const live = (name: string, from: number): void => {
    if (name === '' || graph.isConstant(name)) return;
    const last = graph.isOutput(name) ? count - 1 : Math.max(from, ...graph.consumers(name));
    const shape = shapes.get(name);
    const isKnown = shape?.every((size) => typeof size === 'number');
    if (!isKnown) {
      unknown[from]++;
      unknown[last + 1]--;
      return;
    }
    const elements = shape.reduce((product, size) => product * size, 1);
    change[from] += elements;
    change[last + 1] -= elements;
  };
  if (count === 0) return [];
  for (const name of inputs) live(name, 0);
  graph.order.forEach((node, index) => node.output.forEach((name) => live(name, index)));
  let elements = 0;
  let open = 0;
  return Array.from({ length: count }, (_, i) => {
    elements += change[i];
    open += unknown[i];
    return open > 0 ? null : elements;
  });
}
