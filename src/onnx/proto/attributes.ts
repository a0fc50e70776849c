/** Reading what a node says about itself. */
import type { AttributeProto, GraphProto, ModelProto, NodeProto } from './onnx_pb';

/** Both spellings of the standard operators' domain. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** The standard operator's name; '' for operators of other domains, which only share names with them. */
export function standardOp(node: NodeProto): string {
  return isStandard(node.domain) ? node.opType : '';
}

/** Version of the standard operator set; 1 where the file (IR version 2 and older) does not say. */
export function opsetOf(model: ModelProto): number {
  const own = model.opsetImport.find(({ domain }) => isStandard(domain));
  return own ? Number(own.version) : 1;
}

export function findAttribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const found = findAttribute(node, name);
  return found ? Number(found.i) : fallback;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return findAttribute(node, name)?.ints.map(Number);
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const found = findAttribute(node, name);
  return found ? new TextDecoder().decode(found.s) : fallback;
}

/** The bodies of an If, Loop or Scan; empty for every other node. */
export function bodiesOf(node: NodeProto): GraphProto[] {
  const bodies: GraphProto[] = [];
  for (const { g, graphs } of node.attribute) {
    if (g) bodies.push(g);
    for (const each of graphs) bodies.push(each);
  }
  return bodies;
}

/** Every body inside the graph, however deep; not the graph itself. */
export function* allBodies(graph: GraphProto): Generator<GraphProto> {
  for (const node of graph.node) {
    for (const body of bodiesOf(node)) {
      yield body;
      yield* allBodies(body);
    }
  }
}
