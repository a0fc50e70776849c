/** Which function a kernel of ONNX Runtime's profile works for. */
import { Graph } from '../../../onnx/graph/graph';
import { mapBodies } from '../../../onnx/graph/bodies';
import { withGraph } from '../../../onnx/graph/subgraph';
import { isLayerOp } from '../../../onnx/network/layers';
import type { Network } from '../../../onnx/network/network';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  NodeProtoSchema,
} from '../../../onnx/proto/onnx_pb';
import { shallowCopy } from '../../../onnx/proto/shallowCopy';

/** What ONNX Runtime keeps of a layer's name in those of the kernels that it becomes. */
const TAG = /ompq_layer_\d+_/;

/** Blocked convolutions take the name of the tensor that they write, after what was fused into them. */
const BLOCKED = /^(.*)_nchwc$/;

/** The model with a name for each of its layers, also those in branches. */
export function tagLayers(model: ModelProto): ModelProto {
  let count = 0;
  const tagged = (body: GraphProto): GraphProto => {
    const node = body.node.map((each) => {
      const inside = mapBodies(each, tagged);
      if (!isLayerOp(each.opType)) return inside;
      return shallowCopy(NodeProtoSchema, inside, { name: `ompq_layer_${count++}_` });
    });
    return shallowCopy(GraphProtoSchema, body, { node });
  };
  return withGraph(model, { node: tagged(model.graph!).node });
}

/** The function by its layers' tags, and by the tensors that a kernel of theirs may write. */
export interface Owners {
  tags: Map<string, number>;
  tensors: Map<string, number>;
}

export function ownersOf({ functions }: Network, model: ModelProto): Owners {
  const graph = new Graph(model.graph!);
  const [tags, tensors] = [new Map<string, number>(), new Map<string, number>()];
  functions.forEach(({ layers }, owner) => {
    for (const { output } of layers) {
      const tag = TAG.exec(graph.order[graph.producerIndex(output)!].name);
      if (tag) tags.set(tag[0], owner);
      for (const tensor of fusible(graph, output)) tensors.set(tensor, owner);
    }
  });
  return { tags, tensors };
}

/** The tensor and those that follow it one by one, up to where two meet: batch norm and activation. */
function fusible(graph: Graph, tensor: string): string[] {
  const readers = graph.consumers(tensor);
  const [next] = readers.map((index) => graph.order[index]);
  const isAlone =
    readers.length === 1 &&
    !isLayerOp(next.opType) &&
    next.output.length === 1 &&
    next.input.every((name) => name === '' || name === tensor || graph.isConstant(name));
  return [tensor, ...(isAlone ? fusible(graph, next.output[0]) : [])];
}

export function ownerOf(kernel: string, { tags, tensors }: Owners): number | undefined {
  const tag = TAG.exec(kernel);
  if (tag) return tags.get(tag[0]);
  const blocked = BLOCKED.exec(kernel);
  return blocked ? tensors.get(blocked[1]) : undefined;
}
