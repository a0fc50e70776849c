/** Editing a graph together with the bodies of its If and Loop nodes. */
import { bodiesOf } from '../proto/attributes';
import {
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';

/**
 * A copy of the graph in which `edit` has changed some of its bodies, itself included; the others are shared.
 * @param edits by the body as it is in `graph`
 */
export function editBodies(
  graph: GraphProto,
  edits: ReadonlyMap<GraphProto, (body: GraphProto) => GraphProto>,
): GraphProto {
  let changed = false;
  const nodes = graph.node.map((node) => {
    const edited = mapBodies(node, (body) => editBodies(body, edits));
    changed ||= edited !== node;
    return edited;
  });
  const copy = changed ? shallowCopy(GraphProtoSchema, graph, { node: nodes }) : graph;
  return edits.get(graph)?.(copy) ?? copy;
}

/** The node itself where no body changes. */
export function mapBodies(node: NodeProto, map: (body: GraphProto) => GraphProto): NodeProto {
  if (bodiesOf(node).length === 0) return node;
  let changed = false;
  const mapped = (body: GraphProto): GraphProto => {
    const after = map(body);
    changed ||= after !== body;
    return after;
  };
  const attribute = node.attribute.map((each) => {
    if (!each.g && each.graphs.length === 0) return each;
    const g = each.g && mapped(each.g);
    return shallowCopy(AttributeProtoSchema, each, { ...(g ? { g } : {}), graphs: each.graphs.map(mapped) });
  });
  return changed ? shallowCopy(NodeProtoSchema, node, { attribute }) : node;
}
