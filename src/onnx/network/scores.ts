/** Whether numbers are scores of classes, as far as the operators that make them tell. */
import { findAttribute, intAttribute, intsAttribute, isStandard, standardOp } from '../proto/attributes';
import { type NodeProto, TensorProto_DataType as DataType } from '../proto/onnx_pb';
import type { Graph } from '../graph/graph';
import type { Layer } from './network';

/** Names of outputs that are scores, and of those that are none whatever the last operator is. */
const SCORES = /logit/i;
const NO_SCORES =
  /embed|feat|hidden|vector|pool|box|coord|landmark|keypoint|kps|offset|delta|depth|pose|angle|latent|mel\b|wav|audio|recon|state|regress|target|reward|action|price|veloc|displ|quat|rotation|translation|noise|sample|(^|[._/])(variable|value|age|mean|mu|std|sigma|log_?var|flow|eps)s?($|[._/])/i;

/** Names of what a model hands on to its own next step: caches of attention, hidden states. */
const STATE = /present|past|cache|key_values|hidden|state|(^|[._/])[hc]n($|[._/])/i;

/** Operators that only change how a tensor lies. */
const LAYOUT = new Set(
  'Identity Reshape Flatten Squeeze Unsqueeze Transpose Cast CastLike Dropout Optional OptionalGetElement'.split(
    ' ',
  ),
);
/** Sums and scalings of scores are scores. */
const AFFINE = new Set(['Add', 'Sub', 'Mul', 'Div']);
/** Operators whose output is no number any more that could be close to another. */
const CHOICES = new Set([
  'ArgMax',
  'ArgMin',
  'TopK',
  'Hardmax',
  'Greater',
  'Less',
  'NonMaxSuppression',
  'Shape',
]);
const MATRIX = new Set(['Gemm', 'MatMul', 'FusedGemm', 'FusedMatMul', 'MatMulNBits', 'MatMulInteger']);

export interface Scores {
  /** Axis of the classes; null: the last but for trailing sizes of 1. */
  axis: number | null;
  /** What the numbers are. independent: one probability each, beside the others. null: told by the values. */
  form: 'scores' | 'probabilities' | 'independent' | null;
  /** So many, where the layer that makes them tells. */
  classes?: number;
  /** How sure that is: the graph says so, or only its last operator speaks for it. */
  by: 'graph' | 'guess';
  /** For people: "it comes out of a Softmax". */
  reason: string;
}

interface Walk {
  graph: Graph;
  opset: number;
  layers: ReadonlyMap<string, Layer>;
}

export const isNoScoreByName = (output: string): boolean =>
  !SCORES.test(output) && (NO_SCORES.test(output) || STATE.test(output));

export const isStateByName = (output: string): boolean => STATE.test(output);

/**
 * What makes numbers scores: a Softmax, or a matrix of weights (with its bias) as the last step. Null: something else, or
 * the first half of a network, which more layers read.
 * @param output of the model, for which `tensor` is compared
 */
export function judgeScores(tensor: string, output: string, walk: Walk): Scores | null {
  const found = scoresBefore(tensor, SCORES.test(output), walk);
  if (!found || readsOn(found.from, walk)) return null;
  const { from: _, ...scores } = found;
  return scores;
}

function scoresBefore(
  tensor: string,
  isNamed: boolean,
  { graph, opset, layers }: Walk,
): (Scores & { from: string }) | null {
  const byName = {
    axis: null,
    form: null,
    by: 'guess',
    reason: 'its name says that it holds logits',
    from: tensor,
  } as const;
  const other = isNamed ? byName : null;
  let axisIsKnown = true;
  let permutation: number[] | null = null;
  let name = tensor;
  for (let depth = 0; depth < 32; depth++) {
    const node = graph.producer(name);
    if (!node) return other;
    const op = isStandard(node.domain) || MATRIX.has(node.opType) ? node.opType : '';
    if (op === 'Softmax' || op === 'LogSoftmax') {
      const axis = intAttribute(node, 'axis', opset >= 13 ? -1 : 1);
      const moved = axisIsKnown ? throughTranspose(axis, permutation) : null;
      const form = op === 'Softmax' ? 'probabilities' : 'scores';
      return { axis: moved, form, by: 'graph', reason: `it comes out of a ${op}`, from: name };
    }
    if (op === 'Sigmoid') {
      return name === tensor || axisIsKnown
        ? {
            axis: null,
            form: 'independent',
            by: 'guess',
            reason: 'it comes out of a Sigmoid, one score a column',
            from: name,
          }
        : other;
    }
    if (MATRIX.has(op) || op === 'Conv') {
      const reason = `its numbers come straight out of a layer (${op})`;
      const classes = widthOf(node, graph, layers);
      // One number answers nothing by being the largest.
      if (classes === 1) return null;
      // Pictures come out of convolutions, too.
      const isKnown = axisIsKnown && (op !== 'Conv' || isNamed);
      const axis = isKnown ? throughTranspose(op === 'Conv' ? 1 : -1, permutation) : null;
      return { axis, form: null, by: 'guess', classes, reason, from: name };
    }
    if (AFFINE.has(op)) {
      const varying = node.input.filter((each) => each !== '' && !graph.isConstant(each));
      if (varying.length !== 1) return other;
      name = varying[0];
      continue;
    }
    if (!LAYOUT.has(op)) return other;
    if (op === 'Transpose') {
      const perm = intsAttribute(node, 'perm');
      if (!perm || permutation) axisIsKnown = false;
      permutation = perm ?? null;
    } else if (op !== 'Identity' && op !== 'Dropout' && !op.startsWith('Cast')) axisIsKnown = false;
    if (findAttribute(node, 'to')?.i === BigInt(DataType.INT64)) return null;
    name = node.input[0] ?? '';
  }
  return null;
}

/** Columns that a layer puts out; undefined: its file does not tell. */
function widthOf(node: NodeProto, graph: Graph, layers: Walk['layers']): number | undefined {
  const layer = layers.get(node.output[0]);
  if (layer)
    return [layer.channelAxis, ...(layer.apart ?? [])].reduce((n, at) => n * layer.weightShape[at], 1);
  const dims = graph.stored(node.input[1] ?? '')?.dims.map(Number);
  if (!dims || dims.length < 2) return undefined;
  switch (node.opType) {
    case 'Conv':
      return dims[0];
    case 'MatMul':
      return dims.at(-1);
    case 'Gemm':
      return dims[intAttribute(node, 'transB', 0) === 0 ? 1 : 0];
    default:
      return undefined;
  }
}

/** Does another layer go on from these numbers? Then they are no answer: keys and values of an attention, features of a stage. */
function readsOn(tensor: string, { graph, layers }: Walk): boolean {
  const seen = new Set<string>();
  const waiting = [tensor];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const index of graph.consumers(name)) {
      const node = graph.proto.node[index];
      if (node.output.some((each) => layers.has(each))) return true;
      // What follows a choice is made from the choice.
      if (!CHOICES.has(standardOp(node))) waiting.push(...node.output.filter((each) => each !== ''));
    }
  }
  return false;
}

/** Where an axis of a Transpose's input lies in its output. */
function throughTranspose(axis: number, permutation: readonly number[] | null): number | null {
  if (!permutation) return axis;
  const from = axis < 0 ? axis + permutation.length : axis;
  const at = permutation.indexOf(from);
  return at < 0 ? null : at;
}
