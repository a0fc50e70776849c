/** The functions of a network (Ma et al., OMPQ, section 3): what is scored, and gets one bit-width each. */
import { OnnxError } from '../../common/fileErrors';
import { Graph } from '../graph/graph';
import { bodiesOf, opsetOf, standardOp } from '../proto/attributes';
import type { ModelProto } from '../proto/onnx_pb';
import { inferShapes } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import { type Inlined, takeBranches } from './branches';
import { dataTensors, describeTable, whereDataAreMet } from './embeddings';
import { epilogueEnd } from './epilogue';
import { distinctParams, merge, type PlacedFunction } from './granularity';
import { checkShapes, describeTensor, oneSample, withNominalSizes, withVocabulary } from './inputs';
import { describeLayer, isLayerOp, type PlacedLayer } from './layers';
import { liveElements } from './liveness';
import type { Branches, Granularity, Network, NetworkFunction, SkippedNode } from './network';
import { describeRecurrent, isRecurrent } from './recurrent';
import { sharedWeights } from './sharedWeights';
import { bothTaken, functionsWithLayers, reasonToSkip, skippedInBodies, skippedInBody } from './skipped';
import { stageIndices } from './stages';
import { vocabularies } from './vocabulary';

export interface NetworkOptions {
  /** Default 'layer'. */
  granularity?: Granularity;
  /** Full shapes of inputs (batch included) whose sizes the model leaves open. */
  shapes?: Readonly<Record<string, readonly number[]>>;
  /** Branches to look into; absent: it is not known which ones are taken. */
  branches?: Branches;
  /** Who does not take the others, as a phrase for people. */
  notTaken?: string;
}

/**
 * Finds the layers of a model, takes each one's output after its epilogue, and puts layers that end in the same tensor
 * together.
 * @throws OnnxError for a graph that is no graph, or shapes that do not fit the model's inputs.
 */
export function findNetwork(model: ModelProto, options: NetworkOptions = {}): Network {
  if (!model.graph) throw new OnnxError('The model holds no graph.');
  const inlined = takeBranches(model, options.branches);
  const graph = new Graph(inlined.model.graph!);
  const opset = opsetOf(model);
  const inputs = model.graph.input.filter(({ name }) => !graph.initializer(name));
  const given = options.shapes ?? {};
  checkShapes(inputs, given);

  const shapes = inferShapes(graph, opset, given);
  const rows = vocabularies(graph);
  const single = oneSample(inputs, given);
  const sizes = inferShapes(graph, opset, single.shapes);
  const { layers, skipped } = findLayers(graph, sizes, inlined, options);
  for (const { layer } of layers) {
    // A batch that the file fixes is counted out again.
    const macs = layer.macs === null ? null : layer.macs / single.batch;
    layer.macs = macs !== null && Number.isInteger(macs) ? macs : layer.macs;
  }
  const functions = group(graph, shapes, layers);
  const open = Object.values(single.shapes).some((shape) => shape.some((dim) => typeof dim === 'string'));
  const nominal = open ? inferShapes(graph, opset, withNominalSizes(single.shapes)) : sizes;
  stageIndices(functions, nominal).forEach((stage, index) => (functions[index].stage = stage));

  const merged = merge(graph, functions, options.granularity ?? 'layer');
  const live = liveElements(
    graph,
    sizes,
    inputs.map(({ name }) => name),
  );
  // Tied weights count where they are read first, as their bytes do.
  const counted = new Set<string>();
  for (const each of merged) each.params = distinctParams(each.layers, counted);
  return {
    opset,
    irVersion: Number(model.irVersion),
    inputs: inputs.map((input) => withVocabulary(describeTensor(input), rows)),
    outputs: model.graph.output.map(describeTensor),
    functions: merged.map((f) => withoutPlace(f, live, single.batch)),
    ties: findTies(merged),
    skipped,
    shared: sharedWeights(
      graph,
      merged.flatMap((f) => f.layers),
      new Set(merged.flatMap((f) => f.starts)),
    ),
  };
}

function findLayers(
  graph: Graph,
  shapes: Shapes,
  { model, left }: Inlined,
  { branches, notTaken = 'the calibration data do not take' }: NetworkOptions,
) {
  const layers: PlacedLayer[] = [];
  const skipped: SkippedNode[] = [];
  const functions = functionsWithLayers(model);
  const data = lazily(() => dataTensors(graph));
  graph.order.forEach((node, index) => {
    const name = graph.nodeNames[index];
    if (bodiesOf(node).length > 0) return;
    const table = describeTable(graph, shapes, index);
    if (table && 'layer' in table) {
      const { output } = table.layer;
      const end = data().has(output) ? null : whereDataAreMet(graph, data(), output);
      if (data().has(output) || end !== null) layers.push({ ...table, ...(end === null ? {} : { end }) });
      return;
    }
    // Folded before the first inference: no layer, however it is written.
    if (node.output.every((output) => output === '' || graph.isConstant(output))) return;
    if (isRecurrent(standardOp(node))) {
      const parts = describeRecurrent(graph, shapes, index);
      if ('reason' in parts) skipped.push({ name, op: node.opType, reason: parts.reason });
      else layers.push(...parts);
      return;
    }
    const found = isLayerOp(standardOp(node))
      ? describeLayer(graph, shapes, index)
      : { reason: table ? table.reason : reasonToSkip(graph, node, functions) };
    if ('layer' in found) layers.push(found);
    else if (found.reason !== null) skipped.push({ name, op: node.opType, reason: found.reason });
  });
  const weights = new Set(layers.map(({ layer }) => layer.weight));
  // What shares its weights with a layer does not stay float.
  const staysFloat = (tensor: string) => graph.isConstant(tensor) && !weights.has(tensor);
  graph.order.forEach((node, index) => {
    const mixed = branches !== undefined && standardOp(node) === 'If';
    const reason = mixed ? bothTaken : undefined;
    skipped.push(...skippedInBodies(node, graph.nodeNames[index], staysFloat, reason));
  });
  for (const { name, branch, body } of left) {
    const reason = `it lies in the ${branch} branch of the If node "${name}", which ${notTaken}`;
    skipped.push(...skippedInBody(body, reason, staysFloat));
  }
  return { layers, skipped };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** One function per tensor in which epilogues end, in the order in which these are computed. */
function group(graph: Graph, shapes: Shapes, layers: readonly PlacedLayer[]): PlacedFunction[] {
  const byEnd = new Map<string, PlacedLayer[]>();
  for (const placed of layers) {
    const end = placed.end ?? epilogueEnd(graph, shapes, placed.layer.output);
    const others = byEnd.get(end);
    if (others) others.push(placed);
    else byEnd.set(end, [placed]);
  }
  const functions = [...byEnd].map(([output, members]): PlacedFunction => {
    const own = members.map(({ layer }) => layer);
    return {
      name: own[0].node,
      layers: own,
      op: own[own.length - 1].op,
      output,
      shape: shapes.get(output),
      params: distinctParams(own),
      macs: own.some(({ macs }) => macs === null)
        ? null
        : own.reduce((sum, { macs }) => sum + (macs ?? 0), 0),
      stage: 0,
      starts: members.map(({ index }) => index),
      end: graph.producerIndex(output) ?? 0,
    };
  });
  return functions.sort((a, b) => a.end - b.end);
}

function withoutPlace(
  { starts, end: _end, ...rest }: PlacedFunction,
  live: readonly (number | null)[],
  batch: number,
): NetworkFunction {
  const elements = starts.map((index) => live[index]);
  const activations = elements.some((each) => each === null)
    ? null
    : Math.ceil(elements.reduce<number>((most, each) => Math.max(most, each ?? 0), 0) / batch);
  return { ...rest, activations };
}

/** Functions that share a stored tensor, directly or through a third one. */
function findTies(functions: readonly NetworkFunction[]): number[][] {
  const users = new Map<string, number>();
  const parent = functions.map((_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]];
    return at;
  };
  functions.forEach(({ layers }, index) => {
    for (const { weight } of layers) {
      const other = users.get(weight);
      if (other === undefined) users.set(weight, index);
      else parent[Math.max(root(other), root(index))] = Math.min(root(other), root(index));
    }
  });
  const groups = new Map<number, number[]>();
  functions.forEach((_, index) => groups.set(root(index), [...(groups.get(root(index)) ?? []), index]));
  return [...groups.values()].filter(({ length }) => length > 1);
}
