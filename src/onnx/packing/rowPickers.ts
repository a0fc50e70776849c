/** Nodes that pick rows of a stored tensor, so that they can pick packed ones. */
import { Graph } from '../graph/graph';
import { intAttribute, opsetOf, standardOp } from '../proto/attributes';
import type { GraphProto, ModelProto, NodeProto } from '../proto/onnx_pb';
import { inferShapes } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import { type ProductReader, productReaders } from './productReaders';

export interface RowPicker {
  node: NodeProto;
  /** The tensor of row numbers, and its rank where that is known. */
  numbers: string;
  rank: number | null;
}

/** Who reads a weight. */
export interface WeightReaders {
  pickers: RowPicker[];
  /** Others need the weight itself. */
  whole: boolean;
  /** Where the weight is to be packed for them: all of them. */
  products?: ProductReader[];
}

export const WHOLE: WeightReaders = { pickers: [], whole: true };

/** Finds the readers of a tensor in the graph or body that holds it. @param packed tensors that are not stored as planes */
export function readerFinder(
  model: ModelProto,
  packed?: ReadonlyMap<string, unknown>,
): (body: GraphProto, tensor: string) => WeightReaders {
  const opset = opsetOf(model);
  const known = new Map<GraphProto, { graph: Graph; shapes: Shapes | null }>();
  return (body, tensor) => {
    let found = known.get(body);
    if (!found) known.set(body, (found = { graph: new Graph(body), shapes: null }));
    const { graph } = found;
    if (body === model.graph && packed?.has(tensor))
      return { ...WHOLE, products: productReaders(graph, tensor) };
    const pickers: RowPicker[] = [];
    let whole = graph.isOutput(tensor);
    for (const index of graph.consumers(tensor)) {
      const node = graph.order[index];
      const numbers = node.input[1] ?? '';
      const picks = standardOp(node) === 'Gather' && node.input[0] === tensor && numbers !== tensor;
      const shapes = picks ? (found.shapes ??= inferShapes(graph, opset)) : null;
      const rank = shapes?.get(numbers)?.length ?? null;
      // Before opset 10 a Slice does not count axes from the end.
      if (shapes && intAttribute(node, 'axis', 0) === 0 && (rank !== null || opset >= 10)) {
        pickers.push({ node, numbers, rank });
      } else whole = true;
    }
    return pickers.length > 0 ? { pickers, whole } : WHOLE;
  };
}
