/** Opening a batch dimension that a file fixes (or that its exporter baked into the graph). */
import { create } from '@bufbuild/protobuf';
import { findAttribute, standardOp } from '../proto/attributes';
import { int64s, node as makeNode } from '../proto/build';
import { constantValue } from './graph';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  ValueInfoProtoSchema,
  type ValueInfoProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { smallValues } from '../proto/tensors';
import { Names } from './names';

/**
 * How the first size of a constant Reshape target is opened. copy: 0, the input's own first size, where it was the
 * batch. infer: -1 wherever the target has none yet, for targets that fold other axes into the first.
 */
export type ReshapeRule = 'copy' | 'infer';

/**
 * A copy of the model whose inputs take any number of samples. Nothing says that it computes the same: compare.
 * @param batchAxes per input, the axis that samples run along
 * @param batch the size that the file fixes
 */
export function rebatch(
  model: ModelProto,
  batchAxes: Readonly<Record<string, number | null>>,
  batch: number,
  rule: ReshapeRule,
): ModelProto {
  const graph = model.graph!;
  const names = Names.of(graph);
  const stored = new Map([...constants(graph)].map(({ name, tensor }) => [name, tensor]));
  const nodes: NodeProto[] = [];
  for (const node of graph.node) {
    const tensor = standardOp(node) === 'Reshape' ? stored.get(node.input[1] ?? '') : undefined;
    const target = tensor && smallValues(tensor);
    const opened = target && openTarget(target, batch, rule, findAttribute(node, 'allowzero')?.i === 1n);
    if (!opened) {
      nodes.push(node);
      continue;
    }
    const name = names.unique('ompq_target');
    nodes.push(makeNode('Constant', [], [name], { value: int64s(name, opened) }));
    nodes.push(Object.assign({}, node, { input: [node.input[0], name, ...node.input.slice(2)] }));
  }
  return shallowCopy(ModelProtoSchema, model, {
    graph: shallowCopy(GraphProtoSchema, graph, {
      node: nodes,
      input: graph.input.map((input) => openInput(input, batchAxes[input.name] ?? null)),
      valueInfo: [],
    }),
  });
}

/** The opened target; null where it may stay as it is. */
function openTarget(target: number[], batch: number, rule: ReshapeRule, allowZero: boolean): number[] | null {
  if (target.length === 0) return null;
  const [first, ...rest] = target;
  const inferred = target.includes(-1);
  if (rule === 'infer' && !inferred && first > 0) return [-1, ...rest];
  if (first !== batch || allowZero) return null;
  return [0, ...rest];
}

function* constants(graph: GraphProto): Generator<{ name: string; tensor: TensorProto }> {
  for (const tensor of graph.initializer) yield { name: tensor.name, tensor };
  for (const node of graph.node) {
    const tensor = standardOp(node) === 'Constant' ? constantValue(node) : undefined;
    if (tensor) yield { name: node.output[0], tensor };
  }
}

function openInput(input: ValueInfoProto, axis: number | null): ValueInfoProto {
  const type = input.type?.value;
  const shape = type?.case === 'tensorType' ? type.value.shape : undefined;
  if (axis === null || !shape || type?.case !== 'tensorType') return input;
  const open = create(TensorShapeProto_DimensionSchema, { value: { case: 'dimParam', value: 'ompq_batch' } });
  const dim = shape.dim.map((size, i) => (i === axis ? open : size));
  const tensor = shallowCopy(TypeProto_TensorSchema, type.value, {
    shape: shallowCopy(TensorShapeProtoSchema, shape, { dim }),
  });
  return shallowCopy(ValueInfoProtoSchema, input, {
    type: shallowCopy(TypeProtoSchema, input.type!, { value: { case: 'tensorType', value: tensor } }),
  });
}
