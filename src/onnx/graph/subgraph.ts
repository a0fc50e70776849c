/** Cutting a graph down to what some tensors need. */
import { create, toBinary } from '@bufbuild/protobuf';
import { bodiesOf } from '../proto/attributes';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { captured, Graph } from './graph';

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

/** The model with these tensors as its outputs, without the nodes that none of them needs. */
export function returning(model: ModelProto, names: readonly string[]): ModelProto {
  const graph = model.graph!;
  const { nodes, tensors } = neededFor(graph, names);
  const declared = new Map(graph.output.map((info) => [info.name, info]));
  return withGraph(model, {
    node: nodes,
    initializer: graph.initializer.filter(({ name }) => tensors.has(name)),
    input: graph.input.filter(({ name }) => tensors.has(name)),
    output: names.map((name) => declared.get(name) ?? untyped(name)),
  });
}

interface Cut {
  /** Nodes after those that are needed. */
  heads?: readonly NodeProto[];
  /** Beside the model's own, or in place of one of the same name. */
  inputs?: readonly ValueInfoProto[];
  /** Default: what was asked for. */
  outputs?: readonly ValueInfoProto[];
}

/**
 * The model cut down to what the tensors need; the weights are shared with it. Nothing is declared of inner tensors:
 * shapes in the file may speak of another batch size, and of nodes that are gone.
 */
export function subgraph(
  model: ModelProto,
  names: readonly string[],
  { heads = [], inputs = [], outputs = names.map(untyped) }: Cut = {},
): ModelProto {
  const graph = model.graph!;
  const { nodes, tensors } = neededFor(graph, names);
  const given = new Set(inputs.map(({ name }) => name));
  return withGraph(model, {
    node: [...nodes, ...heads],
    initializer: graph.initializer.filter(({ name }) => tensors.has(name)),
    input: [...graph.input.filter(({ name }) => tensors.has(name) && !given.has(name)), ...inputs],
    output: [...outputs],
    valueInfo: [],
  });
}

/** An output without a type: ONNX Runtime infers it. */
export function untyped(name: string): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name });
}

export function withGraph(model: ModelProto, changes: Partial<GraphProto>): ModelProto {
  return shallowCopy(ModelProtoSchema, model, {
    graph: shallowCopy(GraphProtoSchema, model.graph!, changes),
  });
}

export function serialize(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}
