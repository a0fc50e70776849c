/** Finding the tensors that hold weights in a graph, and what they weigh there. */
import { toBinary } from '@bufbuild/protobuf';
import { takeBranches, type Place } from '../network/branches';
import { isExternal } from '../proto/external';
import type { Branches } from '../network/network';
import { fieldBytes, tensorBytes } from '../graph/graphPart';
import {
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { elementBytes, elementCount } from '../proto/tensors';

/** Where a weight tensor is held. */
export interface HeldTensor {
  tensor: TensorProto;
  /** The Constant node that holds it; null for an initializer. */
  constant: NodeProto | null;
}

/** Initializers and Constant nodes of a graph (not of its subgraphs), by tensor name. */
export function heldTensors(graph: GraphProto): Map<string, HeldTensor> {
  const held = new Map<string, HeldTensor>();
  for (const tensor of graph.initializer) held.set(tensor.name, { tensor, constant: null });
  for (const node of graph.node) {
    if (node.opType !== 'Constant' || (node.domain && node.domain !== 'ai.onnx')) continue;
    const tensor = node.attribute.find((attribute) => attribute.name === 'value')?.t;
    if (tensor) held.set(node.output[0], { tensor, constant: node });
  }
  return held;
}

/** Finds a tensor that a layer's `weight` names, in the file's main graph or in a branch that is taken. */
export function tensorFinder(
  model: ModelProto,
  branches?: Branches,
): (name: string) => (HeldTensor & Place) | undefined {
  const { places } = takeBranches(model, branches);
  const known = new Map<GraphProto, Map<string, HeldTensor>>();
  return (tensor) => {
    const { body, name } = places.get(tensor) ?? { body: model.graph!, name: tensor };
    let held = known.get(body);
    if (!held) known.set(body, (held = heldTensors(body)));
    const found = held.get(name);
    return found && { ...found, body, name };
  };
}

/** Bytes that a tensor takes in the file once its data is inside, graph input of its name included. */
export function heldBytes({ body, name, ...held }: HeldTensor & Place): number {
  let bytes = held.constant
    ? fieldBytes(toBinary(NodeProtoSchema, held.constant).length)
    : fieldBytes(wholeTensorBytes(held.tensor));
  for (const input of body.input) {
    if (input.name === name) bytes += fieldBytes(toBinary(ValueInfoProtoSchema, input).length);
  }
  return bytes;
}

/** Serialized length of a tensor with its data inside, external data included; nothing large is serialized. */
export function wholeTensorBytes(tensor: TensorProto): number {
  const external = isExternal(tensor);
  const length = external ? elementCount(tensor) * elementBytes(tensor) : tensor.rawData.length;
  const raw = external || Object.hasOwn(tensor, 'rawData') ? fieldBytes(length) : 0;
  return tensorBytes(withoutData(tensor), 0) + raw;
}

/** The tensor without raw or external data. */
function withoutData(tensor: TensorProto): TensorProto {
  return isExternal(tensor)
    ? shallowCopy(TensorProtoSchema, tensor, {
        rawData: undefined,
        externalData: [],
        dataLocation: undefined,
      })
    : shallowCopy(TensorProtoSchema, tensor, { rawData: undefined });
}
