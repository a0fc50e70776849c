/**
 * Operators that ONNX Runtime's optimizer fused (com.microsoft: FusedConv, FusedGemm, FusedMatMul), where they hold
 * weights: written as the standard operators that they stand for. ONNX Runtime fuses them again when it loads the file.
 */
import { findAttribute, intAttribute, opsetOf, stringAttribute } from '../proto/attributes';
import { node as makeNode, float, scalar, tensor } from '../proto/build';
import { OnnxError } from '../../common/fileErrors';
import { toFloat16Bits } from '../proto/float16';
import { Graph } from '../graph/graph';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { inferShapes } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import { Names } from '../graph/names';

const MICROSOFT = 'com.microsoft';
/** Operators in these domains lay tensors out for one kind of processor. */
const LAYOUTS = /^com\.(microsoft\.nchwc|ms\.internal\.)/;

/** @throws OnnxError for a model whose weights were rearranged for one kind of processor */
export function unfuse(model: ModelProto): ModelProto {
  const laidOut = model.graph?.node.find(({ domain }) => LAYOUTS.test(domain));
  if (laidOut) {
    throw new OnnxError(
      `The model was optimized by ONNX Runtime for one kind of processor (its operator ${laidOut.opType} is of ${laidOut.domain}); take the model from before that optimization, or from one at the level "extended".`,
    );
  }
  if (!model.graph?.node.some(isFused)) return model;
  const graph = new Graph(model.graph);
  const opset = opsetOf(model);
  const context = {
    graph,
    opset,
    shapes: inferShapes(graph, opset),
    names: Names.of(model.graph),
  };
  const node = model.graph.node.flatMap((each) => (isFused(each) ? unfused(each, context) : [each]));
  return shallowCopy(ModelProtoSchema, model, {
    graph: shallowCopy(GraphProtoSchema, model.graph, { node }),
  });
}

interface Context {
  graph: Graph;
  opset: number;
  shapes: Shapes;
  names: Names;
}

const FUSED = new Set(['FusedConv', 'FusedGemm', 'FusedMatMul', 'TransposeMatMul']);

function isFused({ domain, opType }: NodeProto): boolean {
  return domain === MICROSOFT && FUSED.has(opType);
}

/** The node itself where it has no weights, or where something about it is not known. */
function unfused(node: NodeProto, context: Context): NodeProto[] {
  if (!node.input.slice(0, 2).some((name) => context.graph.isConstant(name))) return [node];
  const parts = node.opType.endsWith('MatMul') ? matMul(node, context) : withActivation(node, context);
  return parts ?? [node];
}

/** Conv(x, W, B), + Z, and the activation. */
function withActivation(node: NodeProto, context: Context): NodeProto[] | null {
  const op = node.opType === 'FusedConv' ? 'Conv' : 'Gemm';
  const [output] = node.output;
  const added = op === 'Conv' ? (node.input[3] ?? '') : '';
  const activation = stringAttribute(node, 'activation', '');
  const steps: ((input: string, output: string) => NodeProto[] | null)[] = [];
  if (added !== '') {
    steps.push((from, to) => [makeNode('Add', [from, added], [to], {}, { name: `${node.name}_Add` })]);
  }
  if (activation !== '') {
    steps.push((from, to) => activationNodes(node, activation, from, to, context));
  }
  const tensors = [...steps.map((_, i) => context.names.unique(`${output}_${op}_${i}`)), output];
  const layer = shallowCopy(NodeProtoSchema, node, {
    opType: op,
    domain: undefined,
    input: node.input.slice(0, 3),
    output: [tensors[0]],
    attribute: node.attribute.filter(({ name }) => !name.startsWith('activation')),
  });
  const nodes: NodeProto[] = [layer];
  for (const [i, step] of steps.entries()) {
    const made = step(tensors[i], tensors[i + 1]);
    if (!made) return null;
    nodes.push(...made);
  }
  return nodes;
}

/** FusedConv keeps the parameters of its activation in a list, FusedGemm in attributes of their own. */
function activationNodes(
  node: NodeProto,
  activation: string,
  from: string,
  to: string,
  { opset, names }: Context,
): NodeProto[] | null {
  const list = findAttribute(node, 'activation_params')?.floats;
  const parameter = (index: number, name: string): number | undefined =>
    list ? list[index] : findAttribute(node, `activation_${name}`)?.f;
  const [first, second] = [parameter(0, 'alpha'), parameter(1, 'beta')];
  const options = { name: `${node.name}_${activation}` };
  const attributes = {
    ...(first === undefined ? {} : { alpha: float(first) }),
    ...(second === undefined ? {} : { beta: float(second) }),
  };
  switch (activation) {
    case 'Relu':
    case 'Tanh':
    case 'Sigmoid':
    case 'Softplus':
    case 'Softsign':
      return [makeNode(activation, [from], [to], {}, options)];
    case 'LeakyRelu':
    case 'Elu':
    case 'HardSigmoid':
      return [makeNode(activation, [from], [to], attributes, options)];
    case 'Clip': {
      if (first === undefined || second === undefined) return null;
      if (opset < 11) {
        return [makeNode('Clip', [from], [to], { min: float(first), max: float(second) }, options)];
      }
      const limits = [first, second].map((value) => ({ value, name: names.unique(`${to}_limit`) }));
      return [
        ...limits.map(({ value, name }) => makeNode('Constant', [], [name], { value: scalar('', value) })),
        makeNode('Clip', [from, ...limits.map(({ name }) => name)], [to], {}, options),
      ];
    }
    default:
      return null;
  }
}

/** alpha * A' * B', with the last two axes of either transposed where asked. */
function matMul(node: NodeProto, context: Context): NodeProto[] | null {
  const { graph, names } = context;
  if (intAttribute(node, 'transBatchA', 0) || intAttribute(node, 'transBatchB', 0)) return null;
  const nodes: NodeProto[] = [];
  const input: string[] = [];
  for (const [index, attribute] of ['transA', 'transB'].entries()) {
    const name = node.input[index];
    const rank = context.shapes.get(name)?.length;
    if (intAttribute(node, attribute, 0) === 0 || rank === 1) {
      input.push(name);
      continue;
    }
    if (rank === undefined) return null;
    const perm = Array.from({ length: rank }, (_, axis) => axis);
    [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
    input.push(names.unique(`${name}_transposed`));
    nodes.push(makeNode('Transpose', [name], [input[index]], { perm }));
  }
  const [output] = node.output;
  const alpha = findAttribute(node, 'alpha')?.f ?? 1;
  const product = alpha === 1 ? output : names.unique(`${output}_MatMul`);
  nodes.push(makeNode('MatMul', input, [product], {}, { name: node.name }));
  if (alpha === 1) return nodes;
  const value = factor(alpha, node, graph);
  if (!value) return null;
  const name = names.unique(`${output}_alpha`);
  return [
    ...nodes,
    makeNode('Constant', [], [name], { value }),
    makeNode('Mul', [product, name], [output], {}, { name: `${node.name}_Mul` }),
  ];
}

/** A scalar of the type that the node's stored weights have. */
function factor(value: number, { input }: NodeProto, graph: Graph) {
  const type = input.map((name) => graph.stored(name)?.dataType).find((each) => each !== undefined);
  if (type === DataType.FLOAT) return scalar('', value);
  if (type === DataType.FLOAT16) {
    return tensor('', [], Uint16Array.of(toFloat16Bits(value)), DataType.FLOAT16);
  }
  return null;
}
