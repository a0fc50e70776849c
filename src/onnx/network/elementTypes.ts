/** Element types of a graph's tensors, as far as the operators tell. */
import { bodiesOf, findAttribute, intAttribute, isStandard } from '../proto/attributes';
import type { Graph } from '../graph/graph';
import { TensorProto_DataType as DataType, type NodeProto, type ValueInfoProto } from '../proto/onnx_pb';

/** A sequence, a map or an optional: no tensor that could be fetched. */
export const NO_TENSOR = -1;

const { BOOL, FLOAT, INT64, STRING, UINT8, UINT64 } = DataType;
const WHOLE = new Set([
  'Shape',
  'Size',
  'SequenceLength',
  'ArgMax',
  'ArgMin',
  'NonZero',
  'NonMaxSuppression',
]);
const LOGIC = new Set(
  'Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not IsNaN IsInf OptionalHasElement'.split(' '),
);
const CONTAINERS = new Set(
  'SequenceConstruct SequenceEmpty SequenceInsert SequenceErase SequenceMap SplitToSequence ZipMap DictVectorizer'.split(
    ' ',
  ),
);
/** Fields of a TypeProto that our schema leaves out: sequence, map, sparse tensor. */
const CONTAINER_FIELDS = new Set([4, 5, 8]);
/** The input whose type the output has, where it is not the first. */
const TYPED_BY: Readonly<Record<string, number>> = { Where: 1, OneHot: 2 };

/** TensorProto.DataType by tensor name; NO_TENSOR for what is none. Where nothing is said, the first input's. */
export function elementTypes(graph: Graph): ReadonlyMap<string, number> {
  const types = new Map<string, number>();
  const { input, output, valueInfo, initializer } = graph.proto;
  for (const { name, dataType } of initializer) types.set(name, dataType);
  for (const info of [...input, ...valueInfo, ...output]) {
    const type = declaredType(info);
    if (type !== null) types.set(info.name, type);
  }
  for (const node of graph.order) {
    node.output.forEach((name, index) => {
      const known = types.get(name);
      const told = typeOf(node, index, types, graph);
      // What makes a sequence makes none of what a wrong declaration says.
      if (name !== '' && (known === undefined || told === NO_TENSOR)) types.set(name, told);
    });
  }
  return types;
}

function declaredType(info: ValueInfoProto | undefined): number | null {
  const type = info?.type;
  if (type?.value.case === 'tensorType') return type.value.value.elemType || null;
  return type?.$unknown?.some(({ no }) => CONTAINER_FIELDS.has(no)) ? NO_TENSOR : null;
}

function typeOf(node: NodeProto, index: number, types: ReadonlyMap<string, number>, graph: Graph): number {
  const op = isStandard(node.domain) || node.domain === 'ai.onnx.ml' ? node.opType : '';
  const [body] = bodiesOf(node);
  if (body) return declaredType(body.output[op === 'Loop' ? index + 1 : index]) ?? FLOAT;
  const typed = (at: number): number => types.get(node.input[at] ?? '') ?? FLOAT;
  if (op === 'Cast') return intAttribute(node, 'to', FLOAT);
  if (WHOLE.has(op) || (op === 'TopK' && index === 1) || (op === 'Unique' && index > 0)) return INT64;
  if (LOGIC.has(op)) return BOOL;
  if (CONTAINERS.has(op)) return NO_TENSOR;
  if (op === 'SequenceAt' || op === 'ConcatFromSequence') return FLOAT;
  if (op === 'Bernoulli' || op === 'Multinomial' || op === 'EyeLike' || op.startsWith('Random'))
    return intAttribute(node, 'dtype', op === 'Multinomial' ? DataType.INT32 : typed(0) || FLOAT);
  if (op === 'Dropout' && index === 1) return BOOL;
  if (op === 'Constant' || op === 'ConstantOfShape') {
    const value = graph.stored(node.output[0] ?? '') ?? findAttribute(node, 'value')?.t;
    return value?.dataType ?? (node.attribute.some(({ name }) => name.includes('string')) ? STRING : FLOAT);
  }
  if (op === 'QuantizeLinear') return node.input[2] ? typed(2) : UINT8;
  if (op === 'DynamicQuantizeLinear' && index !== 1) return UINT8;
  if (op === 'DequantizeLinear') return typed(1);
  if (op === 'MatMulInteger' || op === 'ConvInteger') return DataType.INT32;
  if (op === 'BitShift' && !types.has(node.input[0] ?? '')) return UINT64;
  if (op === 'LabelEncoder') {
    const kind = node.attribute.find(({ name }) => name.startsWith('values_'))?.name ?? '';
    return kind.includes('string') ? STRING : kind.includes('int') ? INT64 : FLOAT;
  }
  if (op === 'TreeEnsembleClassifier' || op === 'LinearClassifier' || op === 'SVMClassifier') {
    const isText = node.attribute.some(
      ({ name, strings }) => name === 'classlabels_strings' && strings.length > 0,
    );
    return index > 0 ? FLOAT : isText ? STRING : INT64;
  }
  if (op === 'Scaler' || op === 'Normalizer' || op === 'Imputer' || op === 'FeatureVectorizer') return FLOAT;
  return typed(TYPED_BY[op] ?? 0);
}
