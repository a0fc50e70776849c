/** Nodes whose weights stay float, and why. */
import { Graph } from '../graph/graph';
import { bodiesOf, isStandard, standardOp, stringAttribute } from '../proto/attributes';
import type { GraphProto, ModelProto, NodeProto } from '../proto/onnx_pb';
import { isLayerOp } from './layers';
import type { SkippedNode } from './network';
import { isRecurrent } from './recurrent';

const QUANTIZED = new Set([
  'QLinearConv',
  'QLinearMatMul',
  'ConvInteger',
  'MatMulInteger',
  'MatMulNBits',
  'MatMulBnb4',
  'MatMulIntegerToFloat',
  'DynamicQuantizeMatMul',
  'DynamicQuantizeLSTM',
  'QGemm',
  'QAttention',
  'QLinearConvTranspose',
  'GatherBlockQuantized',
]);
/** Smallest constant that makes an operator we do not support worth a line, in elements. */
const WORTH_A_LINE = 1024;
/** Operators that read large constants without being layers: arithmetic, and what arranges tensors. */
const NOT_LAYERS = new Set(
  (
    'Add Sub Mul Div Pow Min Max Where Equal Greater Less And Or BatchNormalization LayerNormalization PRelu Concat ' +
    'Reshape Transpose Identity Cast Slice Split Squeeze Unsqueeze Expand Tile Pad If Loop Scan'
  ).split(' '),
);

/** The reason why a node of the main graph is no layer, where a person would expect one; else null. */
export function reasonToSkip(graph: Graph, node: NodeProto, functions: ReadonlySet<string>): string | null {
  const op = node.opType;
  if (functions.has(functionKey(node.domain, op))) return 'it calls a function defined in the model';
  if (QUANTIZED.has(op)) return 'it is quantized already';
  if (isStandard(node.domain)) {
    if (NOT_LAYERS.has(op)) return null;
  }
  const heavy = node.input.some((name) => {
    const tensor = graph.stored(name);
    return tensor && tensor.dims.length >= 2 && tensor.dims.reduce((a, b) => a * b, 1n) >= WORTH_A_LINE;
  });
  if (!heavy) return null;
  if (op === 'Einsum') {
    return `its equation "${stringAttribute(node, 'equation', '')}" is no product of the input with a matrix`;
  }
  return `the operator ${op} is not supported`;
}

/** Says why a layer in a body of a node stays float. */
type Reason = (node: NodeProto, name: string) => string;

const inside: Reason = ({ opType }, name) => `it lies inside the body of the ${opType} node "${name}"`;
/** Of an If whose branches were looked at. */
export const bothTaken: Reason = (node, name) =>
  `${inside(node, name)}, whose branch changes from one calibration sample to the next`;

/** Layers in the bodies of an If, Loop or Scan node of the main graph. */
export function skippedInBodies(
  node: NodeProto,
  name: string,
  isConstantOutside: (tensor: string) => boolean,
  reason = inside,
): SkippedNode[] {
  return bodiesOf(node).flatMap((body) => skippedInBody(body, reason(node, name), isConstantOutside, reason));
}

/** @param deeper why layers in bodies inside the body stay float */
export function skippedInBody(
  body: GraphProto,
  reason: string,
  isConstantOutside: (tensor: string) => boolean,
  deeper: Reason = () => reason,
): SkippedNode[] {
  const skipped: SkippedNode[] = [];
  const graph = new Graph(body);
  const isConstant = (tensor: string) => graph.isConstant(tensor) || isConstantOutside(tensor);
  graph.order.forEach((inner, index) => {
    const op = inner.opType;
    const name = graph.nodeNames[index];
    const layer =
      isStandard(inner.domain) &&
      (isRecurrent(op) || (isLayerOp(op) && inner.input.slice(0, 2).some(isConstant)));
    if (layer || QUANTIZED.has(op)) skipped.push({ name, op, reason });
    for (const each of skippedInBodies(inner, name, isConstant, deeper)) skipped.push(each);
  });
  return skipped;
}

/** Keys of the model-local functions that hold a layer, or call one that does. */
export function functionsWithLayers(model: ModelProto): Set<string> {
  const heavy = new Set<string>();
  // Calls may be nested in any order; at most one more function is found in every round.
  for (let before = -1; before < heavy.size;) {
    before = heavy.size;
    for (const { domain, name, node } of model.functions) {
      const holds = node.some(
        (each) =>
          isLayerOp(standardOp(each)) ||
          isRecurrent(standardOp(each)) ||
          heavy.has(functionKey(each.domain, each.opType)),
      );
      if (holds) heavy.add(functionKey(domain, name));
    }
  }
  return heavy;
}

function functionKey(domain: string, name: string): string {
  return `${domain}\n${name}`;
}
