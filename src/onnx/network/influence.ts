/** What the weights of layers decide in a graph: values, and also which rows there are and in what order. */
import { bodiesOf, isStandard } from '../proto/attributes';
import { captured, type Graph } from '../graph/graph';
import type { GraphProto, NodeProto } from '../proto/onnx_pb';

export interface Influence {
  /** Tensors that depend on what a layer puts out, or on its weights. */
  reached: ReadonlySet<string>;
  /** Of those, tensors whose number of rows depends on it: two versions of a model may differ there in shape. */
  sized: ReadonlySet<string>;
  /** Of those, tensors that a choice has picked or sorted (an arg max, the rows of a TopK): equal or not, never close. */
  chosen: ReadonlySet<string>;
  /** Of those, tensors made of nothing but choices: labels, one-hot vectors, the marks of a threshold. */
  discrete: ReadonlySet<string>;
  /** Rows of numbers that a suppression or a TopK of scores has picked, or an operator for detections has made. */
  boxes: ReadonlySet<string>;
}

/** Operators whose outputs have as many rows as the values of their inputs say. */
const SIZING = new Set(['NonMaxSuppression', 'NonZero', 'Compress', 'Unique', 'StringSplit']);
/** Operators whose outputs are a choice. */
const CHOOSING = new Set(['ArgMax', 'ArgMin', 'TopK', 'Hardmax', 'NonMaxSuppression', 'Multinomial']);
/** Operators that make one of few values out of any number. */
const DECIDING = new Set(
  'ArgMax ArgMin Hardmax Multinomial Sign Greater GreaterOrEqual Less LessOrEqual Equal'.split(' '),
);
/** Detection as one operator, whoever has defined it. */
const DETECTING = /nms|nonmaxsuppression|detection/i;
/** Inputs that say which elements are taken. */
const INDICES: Readonly<Record<string, readonly number[]>> = {
  Gather: [1],
  GatherElements: [1],
  GatherND: [1],
  ScatterElements: [1],
  ScatterND: [1],
  Scatter: [1],
  TensorScatter: [2],
  OneHot: [0],
  ArrayFeatureExtractor: [1],
  LabelEncoder: [0],
  SequenceAt: [1],
  ReverseSequence: [1],
};
/** Inputs that say how large the output is. */
const SIZES: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  ConstantOfShape: [0],
  Range: [0, 1, 2],
  Slice: [1, 2, 3, 4],
  Tile: [1],
  Pad: [1],
  Resize: [1, 2, 3],
  Upsample: [1],
  Split: [1],
  TopK: [1],
  CenterCropPad: [1],
  BlackmanWindow: [0],
  HannWindow: [0],
  HammingWindow: [0],
};
const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN']);
const MEASURING = new Set(['Shape', 'Size']);

/**
 * @param layers output tensors of the layers; none: whatever depends on an input of the graph is reached, and operators
 *   that usually have weights are taken for layers
 * @param weights tensors of the layers' weights: whoever else reads them reads rounded ones
 */
export function influenceOf(
  graph: Graph,
  layers: ReadonlySet<string>,
  weights: Iterable<string> = [],
): Influence {
  const reached = new Set<string>(weights);
  // What an input alone decides is the same in two versions of a model, a branch taken by a sample rate among it.
  const weighted = layers.size === 0 && hasWeights(graph.proto) ? new Set<string>() : reached;
  const sized = new Set<string>();
  const chosen = new Set<string>();
  const discrete = new Set<string>();
  const boxes = new Set<string>();
  /** Numbers of rows that a suppression or a TopK has picked. */
  const picks = new Set<string>();
  if (layers.size === 0) {
    for (const { name } of graph.proto.input) if (!graph.isConstant(name)) reached.add(name);
  }
  for (const node of graph.order) {
    const bodies = bodiesOf(node);
    const inputs = [...node.input, ...bodies.flatMap((body) => [...captured(body)])];
    const isLayer =
      node.output.some((name) => layers.has(name)) || (weighted !== reached && WEIGHTED.has(node.opType));
    const has = (set: ReadonlySet<string>, which: readonly number[] = []): boolean =>
      which.some((i) => set.has(node.input[i] ?? ''));
    const op = isStandard(node.domain) || node.domain === 'ai.onnx.ml' ? node.opType : '';
    if (MEASURING.has(op)) {
      if (has(sized, [0])) mark(reached, node);
      continue;
    }
    if (!isLayer && !inputs.some((name) => reached.has(name)) && !bodies.some(hasWeights)) continue;
    mark(reached, node);
    if (!isLayer && !inputs.some((name) => weighted.has(name)) && !bodies.some(hasWeights)) continue;
    mark(weighted, node);
    const isOpenLoop = bodies.length > 0 && decidesItself(node, op, weighted);
    if (isOpenLoop || SIZING.has(op) || has(weighted, SIZES[op]) || inputs.some((name) => sized.has(name)))
      mark(sized, node);
    // What a layer makes of a choice is comparable again.
    if (isLayer) continue;
    const follows = (set: ReadonlySet<string>): boolean => inputs.some((name) => set.has(name));
    const isDetecting = DETECTING.test(node.opType) || bodies.some(detects);
    if (op === 'NonMaxSuppression' || follows(picks)) mark(picks, node);
    if (op === 'TopK') picks.add(node.output[1] ?? '');
    const picksRows = has(picks, INDICES[op]) && has(weighted, [0]);
    if (follows(boxes) || picksRows || (isDetecting && op !== 'NonMaxSuppression')) mark(boxes, node);
    const varying = inputs.filter((name) => weighted.has(name));
    if (bodies.length === 0 && (DECIDING.has(op) || varying.every((name) => discrete.has(name))))
      mark(discrete, node);
    if (op === 'TopK') discrete.add(node.output[1] ?? '');
    const isChoice = CHOOSING.has(op) || has(weighted, INDICES[op]) || bodies.some(chooses);
    if (isChoice || inputs.some((name) => chosen.has(name))) mark(chosen, node);
  }
  return { reached, sized, chosen, discrete, boxes };
}

function mark(set: Set<string>, node: NodeProto): void {
  for (const name of node.output) if (name !== '') set.add(name);
}

/** An If whose branch, or a Loop whose number of rounds, depends on what layers put out. */
function decidesItself(node: NodeProto, op: string, reached: ReadonlySet<string>): boolean {
  if (op === 'If') return reached.has(node.input[0] ?? '');
  if (op !== 'Loop') return false;
  if (reached.has(node.input[0] ?? '') || reached.has(node.input[1] ?? '')) return true;
  const [body] = bodiesOf(node);
  const condition = body.output[0]?.name;
  const given = body.input[1]?.name;
  for (let name = condition; name !== given;) {
    const producer = body.node.find(({ output }) => output.includes(name));
    if (!producer) return false;
    if (producer.input.length === 0) return false;
    if (producer.opType !== 'Identity' && producer.opType !== 'Cast') return true;
    name = producer.input[0];
  }
  return false;
}

/** A body may hold layers of its own. */
function hasWeights({ node: nodes }: Pick<GraphProto, 'node'>): boolean {
  return nodes.some((node) => WEIGHTED.has(node.opType) || bodiesOf(node).some(hasWeights));
}

function detects({ node: nodes }: GraphProto): boolean {
  return nodes.some((node) => DETECTING.test(node.opType) || bodiesOf(node).some(detects));
}

function chooses({ node: nodes }: GraphProto): boolean {
  return nodes.some(
    (node) => CHOOSING.has(node.opType) || SIZING.has(node.opType) || bodiesOf(node).some(chooses),
  );
}
