/** The other side of the residual sum that a layer's output goes into. */
import type { Graph } from '../../../onnx/graph/graph';
import type { Layer } from '../../../onnx/network/network';
import { standardOp } from '../../../onnx/proto/attributes';

/**
 * The tensor that is added to the layer's output, and to nothing but it, where it is there before the layer runs: what it
 * lost in the layers before, the layer can make up for. Constants on the way (a bias) are passed. Null: no such sum.
 */
export function residualOf(graph: Graph, layer: Layer, position: number): string | null {
  for (let name = layer.output; ;) {
    const consumers = graph.consumers(name);
    if (graph.isOutput(name) || consumers.length !== 1) return null;
    const node = graph.order[consumers[0]];
    if (standardOp(node) !== 'Add' || node.input[0] === node.input[1]) return null;
    const other = node.input[0] === name ? node.input[1] : node.input[0];
    if (!graph.isConstant(other)) {
      const made = graph.producerIndex(other);
      return made === undefined || made < position ? other : null;
    }
    name = node.output[0];
  }
}
