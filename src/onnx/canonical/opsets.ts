/** Models and nodes in a later version of the standard operator set, where that is exact. */
import { allBodies, isStandard, opsetOf, standardOp, stringAttribute } from '../proto/attributes';
import { mapBodies } from '../graph/bodies';
import { node as makeNode } from '../proto/build';
import { allTensors } from '../proto/external';
import { Graph } from '../graph/graph';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx_pb';
import { create } from '@bufbuild/protobuf';
import { shallowCopy } from '../proto/shallowCopy';
import { inferShapes } from '../shapes/inferShapes';
import { smallValues } from '../proto/tensors';
import { Names } from '../graph/names';
import type { LiftTools } from './nodeChanges';
import { CHANGES } from './opsetChanges';

const OLDEST = 1;

/** The newest IR version that this ONNX Runtime reads. */
const NEWEST_IR = 13n;

/** IR version that the newest operator sets ask for: 8 from opset 15 on, 4 before. */
const irVersionFor = (opset: number): bigint => (opset >= 15 ? 8n : 4n);

/** The model at operator set `to` or later; null where one of its nodes has no exact counterpart there. */
export function raiseModel(model: ModelProto, to: number): ModelProto | null {
  const from = opsetOf(model);
  if (from >= to) return model;
  if (from < OLDEST || !model.graph) return null;
  const nodes = raise(model.graph.node, from, to, toolsOf(model, from));
  if (!nodes) return null;
  const others = model.opsetImport.filter(({ domain }) => !isStandard(domain));
  const opset = create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(to) });
  const irVersion = irVersionFor(to);
  return shallowCopy(ModelProtoSchema, model, {
    opsetImport: [opset, ...others],
    irVersion: model.irVersion > irVersion ? model.irVersion : irVersion,
    graph: shallowCopy(GraphProtoSchema, model.graph, { node: nodes }),
  });
}

/** The newest operator set that the ONNX Runtime of this package has kernels for. */
export const NEWEST_OPSET = 27;

/**
 * A model of operator set 28 at 27, which differ in types that no kernel takes yet, in one new operator and in one attribute
 * (onnx.defs of ONNX 1.23); null where it has one of the two, or is of another set.
 */
export function lowerModel(model: ModelProto): ModelProto | null {
  if (opsetOf(model) !== NEWEST_OPSET + 1 || !model.graph) return null;
  const isNew = (node: NodeProto): boolean =>
    standardOp(node) === 'SwiGLU' ||
    (standardOp(node) === 'SpaceToDepth' && stringAttribute(node, 'mode', 'DCR') !== 'DCR');
  const nodes = [model.graph, ...allBodies(model.graph)].flatMap(({ node }) => node);
  if (nodes.some(isNew)) return null;
  const others = model.opsetImport.filter(({ domain }) => !isStandard(domain));
  const opset = create(OperatorSetIdProtoSchema, { domain: '', version: BigInt(NEWEST_OPSET) });
  return shallowCopy(ModelProtoSchema, model, {
    opsetImport: [opset, ...others],
    irVersion: model.irVersion > NEWEST_IR ? NEWEST_IR : model.irVersion,
  });
}

/** Nodes outside a graph, of which no ranks are known. */
export function raiseNodes(nodes: readonly NodeProto[], from: number, to: number): NodeProto[] | null {
  if (from < OLDEST || from > to) return null;
  const names = new Names(nodes.flatMap(({ input, output }) => [...input, ...output]));
  const tools = { rank: () => null, values: () => null, float32: false, ...makers(names, new Map()) };
  return raise(nodes, from, to, tools);
}

function toolsOf(model: ModelProto, opset: number): LiftTools {
  const graph = new Graph(model.graph!);
  const shapes = inferShapes(graph, opset);
  const names = Names.of(model.graph!);
  const made = new Map<string, TensorProto>();
  const others: number[] = [DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];
  const inputs = model.graph!.input.map(({ type }) =>
    type?.value.case === 'tensorType' ? type.value.value.elemType : 0,
  );
  return {
    rank: (tensor) => shapes.get(tensor)?.length ?? null,
    values: (tensor) => {
      const stored = made.get(tensor) ?? graph.stored(tensor);
      return stored ? smallValues(stored) : null;
    },
    float32: ![...inputs, ...[...allTensors(model)].map(({ dataType }) => dataType)].some((type) =>
      others.includes(type),
    ),
    ...makers(names, made),
  };
}

/** @param made remembers the values of constants */
function makers(names: Names, made: Map<string, TensorProto>): Pick<LiftTools, 'name' | 'constant'> {
  const name = (hint: string) => names.unique(hint);
  const constant = (value: TensorProto, hint: string): [NodeProto, string] => {
    const output = name(hint);
    made.set(output, value);
    return [makeNode('Constant', [], [output], { value }), output];
  };
  return { name, constant };
}

function raise(nodes: readonly NodeProto[], from: number, to: number, tools: LiftTools): NodeProto[] | null {
  let current = [...nodes];
  for (const [version, changes] of CHANGES) {
    if (version <= from || version > to) continue;
    const next: NodeProto[] = [];
    for (const node of current) {
      const op = standardOp(node);
      const lifted = Object.hasOwn(changes, op) ? changes[op](node, tools) : [node];
      if (!lifted) return null;
      next.push(...lifted);
    }
    current = next;
  }
  let exact = true;
  const whole = current.map((node) =>
    mapBodies(node, (body) => {
      const inner = raise(body.node, from, to, tools);
      exact &&= inner !== null;
      return inner ? shallowCopy(GraphProtoSchema, body, { node: inner }) : body;
    }),
  );
  return exact ? whole : null;
}
