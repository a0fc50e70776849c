/** Writing integer layers and activations into a graph, as pairs of QuantizeLinear and DequantizeLinear. */
import type { AddedNames } from '../graph/addedNames';
import { captured } from '../graph/graph';
import { type ConstantForm, partInto } from '../graph/graphPart';
import { bodiesOf } from '../proto/attributes';
import { type GraphProto, type NodeProto, NodeProtoSchema } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import type { ActivationPlan } from './activationPlan';
import { takenByGrids } from './grid';
import { PairWriter, type WeightSource } from './pairWriter';
import type { Placement } from './placement';

/** Changes `graph`, which is the caller's own copy; its messages are shared and left alone. */
export function insertActivations(
  graph: GraphProto,
  plan: ActivationPlan,
  weights: WeightSource,
  names: AddedNames,
  form: ConstantForm,
): void {
  const writer = new PairWriter(plan, names);
  const edits = new Map<NodeProto, Partial<NodeProto>>();
  const removed = new Set<NodeProto>();
  const taken = new Set<string>();
  plan.layers.forEach(({ layer, node, norm }, index) => {
    const { weight, bias } = writer.layer(index, weights, !taken.has(layer.weight));
    taken.add(layer.weight);
    edits.set(node, {
      input: [node.input[0], weight, ...(bias === null ? [] : [bias])],
      output: norm ? [norm.output[0]] : node.output,
    });
    if (norm) removed.add(norm);
  });
  const inGrids = takenByGrids(graph, plan);
  rewriteNodes(graph, plan, writer, { edits, removed, inGrids });
  dropUnread(graph, [...edits.keys(), ...removed, ...inGrids]);
  partInto(graph, [writer.part], form);
}

interface Changes {
  edits: ReadonlyMap<NodeProto, Partial<NodeProto>>;
  removed: ReadonlySet<NodeProto>;
  /** Relu and Clip whose output's pair does what they do. */
  inGrids: ReadonlySet<NodeProto>;
}

/** Puts the pairs behind the nodes whose outputs they quantize, or in their place. */
function rewriteNodes(
  graph: GraphProto,
  { tensors }: Placement,
  writer: PairWriter,
  { edits, removed, inGrids }: Changes,
): void {
  const inputs = new Set(graph.input.map(({ name }) => name));
  const placed = new Map(tensors.map((each, index) => [each.tensor, index]));
  const nodes: NodeProto[] = [];
  // A graph input keeps its name, so those who read it read another.
  const renamed = new Map<string, string>();
  for (const [name, index] of placed) {
    if (!inputs.has(name)) continue;
    renamed.set(name, writer.name(index, 'out'));
    nodes.push(...writer.pair(tensors[index], index, name, writer.name(index, 'out')));
  }
  for (const each of graph.node) {
    if (removed.has(each)) continue;
    const { input = each.input, output = each.output } = edits.get(each) ?? {};
    const read = input.map((name) => renamed.get(name) ?? name);
    if (inGrids.has(each)) {
      const index = placed.get(output[0])!;
      nodes.push(...writer.pair(tensors[index], index, read[0], output[0]));
      continue;
    }
    const written = output.map((name) => {
      const index = placed.get(name);
      return index === undefined ? name : writer.name(index, 'in');
    });
    const same = written.every((name, i) => name === each.output[i]) && equal(read, each.input);
    nodes.push(same ? each : shallowCopy(NodeProtoSchema, each, { input: read, output: written }));
    for (const name of output) {
      const index = placed.get(name);
      if (index !== undefined)
        nodes.push(...writer.pair(tensors[index], index, writer.name(index, 'in'), name));
    }
  }
  graph.node = nodes;
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

/** Takes out the stored tensors that only `nodes` read. */
function dropUnread(graph: GraphProto, nodes: readonly NodeProto[]): void {
  const candidates = new Set(nodes.flatMap(({ input }) => input));
  for (const each of graph.node) {
    for (const name of [...each.input, ...bodiesOf(each).flatMap((body) => [...captured(body)])]) {
      candidates.delete(name);
    }
  }
  for (const { name } of graph.output) candidates.delete(name);
  const stored = new Set(graph.initializer.map(({ name }) => name).filter((name) => candidates.has(name)));
  graph.initializer = graph.initializer.filter(({ name }) => !stored.has(name));
  graph.input = graph.input.filter(({ name }) => !stored.has(name));
  graph.node = graph.node.filter(
    ({ opType, input, output }) =>
      !(opType === 'Constant' && input.length === 0 && candidates.has(output[0] ?? '')),
  );
}
