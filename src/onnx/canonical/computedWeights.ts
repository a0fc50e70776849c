/** Weights that the file does not store but computes from stored tensors: weight norm, fake quantization, LoRA. */
import { describeLayer, isLayerOp, weightOf } from '../network/layers';
import { describeRecurrent, INPUT, isRecurrent } from '../network/recurrent';
import { bodiesOf, opsetOf, standardOp } from '../proto/attributes';
import { captured, Graph } from '../graph/graph';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { elementsOf, inferShapes } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import { isFloatType } from '../network/stored';
import { elementCount } from '../proto/tensors';

/** Elements that all of them together may have: they are kept in memory. */
const MOST_ELEMENTS = 2 ** 28;

/**
 * Names of the tensors that layers take as weights and that are worth storing: they follow from stored floats alone, of
 * which there are at least half as many (what is expanded from less stays so).
 */
export function computedWeights(model: ModelProto): string[] {
  const graph = new Graph(model.graph!);
  const shapes = inferShapes(graph, opsetOf(model));
  const found = new Set<string>();
  let room = MOST_ELEMENTS;
  graph.order.forEach((node, index) => {
    if (node.output.some((name) => graph.isConstant(name))) return;
    for (const weight of unstored(graph, shapes, index)) {
      if (found.has(weight) || !graph.isConstant(weight) || graph.stored(weight)) continue;
      const elements = elementsOf(shapes, weight);
      if (elements === null || elements > room || storedFloats(graph, weight) < elements / 2) continue;
      room -= elements;
      found.add(weight);
    }
  });
  return [...found];
}

/** What the node takes as weights and is no stored tensor that they can be followed to. */
function unstored(graph: Graph, shapes: Shapes, index: number): string[] {
  const node = graph.order[index];
  const op = standardOp(node);
  if (isLayerOp(op)) {
    return 'layer' in describeLayer(graph, shapes, index) ? [] : [weightOf(graph, node).weight];
  }
  if (!isRecurrent(op)) return [];
  const layers = describeRecurrent(graph, shapes, index);
  const followed = 'reason' in layers ? [] : layers.map(({ layer }) => layer.readsHidden === true);
  return [INPUT.w, INPUT.r].flatMap((input, i) => (followed.includes(i === 1) ? [] : [node.input[input]]));
}

/** Elements of the stored floats that a constant follows from. */
function storedFloats(graph: Graph, tensor: string): number {
  const seen = new Set<string>();
  const waiting = [tensor];
  let sum = 0;
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name === '' || seen.has(name)) continue;
    seen.add(name);
    const stored = graph.stored(name);
    if (stored) sum += isFloatType(stored.dataType) ? elementCount(stored) : 0;
    else waiting.push(...(graph.producer(name)?.input ?? []));
  }
  return sum;
}

/** The model with these tensors stored, without what only served to compute them. */
export function withStored(model: ModelProto, tensors: readonly TensorProto[]): ModelProto {
  if (tensors.length === 0) return model;
  const given = new Set(tensors.map(({ name }) => name));
  const graph = model.graph!;
  const before = new Set(readNames(graph));
  let nodes = graph.node.filter((node) => !node.output.some((name) => given.has(name)));
  // What served the nodes that are gone goes, too, and what served those.
  for (let dropped = true; dropped;) {
    const read = new Set(readNames({ ...graph, node: nodes }));
    const kept = nodes.filter(({ output }) => output.some((name) => read.has(name) || !before.has(name)));
    dropped = kept.length < nodes.length;
    nodes = kept;
  }
  const read = new Set(readNames({ ...graph, node: nodes }));
  const isKept = ({ name }: { name: string }) => read.has(name) || !before.has(name);
  return shallowCopy(ModelProtoSchema, model, {
    graph: shallowCopy(GraphProtoSchema, graph, {
      node: nodes,
      initializer: [...graph.initializer.filter(isKept), ...tensors],
    }),
  });
}

/** Tensors that the graph's nodes read, and its outputs. */
function* readNames({ node, output }: Pick<GraphProto, 'node' | 'output'>): Generator<string> {
  for (const each of node) {
    yield* each.input;
    for (const body of bodiesOf(each)) yield* captured(body);
  }
  for (const { name } of output) yield name;
}
