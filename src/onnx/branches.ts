/**
 * Layers in the branches of an If: the branch that the samples take is put in line with the nodes around it, so that all
 * that looks at a graph sees them. The file itself keeps its Ifs; `places` leads back into it.
 */
import { bodiesOf, findAttribute, standardOp } from './attributes';
import { node as makeNode } from './build';
import { Graph } from './graph';
import { isLayerOp } from './layers';
import type { Branch, Branches } from './network';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './schema/onnx_pb';
import { shallowCopy } from './shallow';
import { skippedInBodies } from './skipped';
import { Names } from './unique';

/** Where the file holds a tensor. */
export interface Place {
  body: GraphProto;
  /** Its name there: branches beside each other may use the same one. */
  name: string;
}

/** An If that is still one, at the top level of the model in line. */
export interface OpenIf {
  /** Its key in Branches. */
  name: string;
  /** The tensor that decides. */
  condition: string;
}

/** A branch that was left out because the other one is taken. */
export interface LeftOut {
  name: string;
  branch: Branch;
  body: GraphProto;
}

export interface Inlined {
  /** The given model itself where nothing was put in line. */
  model: ModelProto;
  /** Of the tensors that lie in a branch, by their name in `model`. */
  places: ReadonlyMap<string, Place>;
  open: OpenIf[];
  left: LeftOut[];
}

/**
 * The model with these branches in line. Names that several branches use are qualified: "If_0.then/conv". A model
 * without layers in branches is left alone.
 */
export function takeBranches(model: ModelProto, branches: Branches = {}): Inlined {
  if (!model.graph || !holdsLayers(model.graph)) return { model, places: new Map(), open: [], left: [] };
  const writer = new Writer(model.graph, branches);
  writer.graph();
  const { nodes, initializers, valueInfo, places, open, left } = writer;
  if (left.length === 0) return { model, places, open, left };
  const graph = shallowCopy(GraphProtoSchema, model.graph, {
    node: nodes,
    initializer: initializers,
    valueInfo,
  });
  return { model: shallowCopy(ModelProtoSchema, model, { graph }), places, open, left };
}

/** Does a branch of any If hold a layer with weights? */
function holdsLayers(proto: GraphProto): boolean {
  if (!proto.node.some((node) => standardOp(node) === 'If')) return false;
  const graph = new Graph(proto);
  return proto.node.some(
    (node) =>
      standardOp(node) === 'If' &&
      skippedInBodies(node, '', (tensor) => graph.isConstant(tensor)).some(({ op }) => isLayerOp(op)),
  );
}

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
function mapBodies(node: NodeProto, map: (body: GraphProto) => GraphProto): NodeProto {
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

/** Names of one body, and of those around it. */
class Scope {
  private readonly own = new Map<string, string>();

  constructor(
    private readonly around: Scope | null,
    /** "If_0.then"; '' at the top level. */
    readonly path: string,
  ) {}

  set(name: string, global: string): void {
    this.own.set(name, global);
  }

  get(name: string): string {
    return this.own.get(name) ?? this.around?.get(name) ?? name;
  }
}

class Writer {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly valueInfo: ValueInfoProto[] = [];
  readonly places = new Map<string, Place>();
  readonly open: OpenIf[] = [];
  readonly left: LeftOut[] = [];
  private readonly names: Names;
  private readonly ifs = new Names();
  /** How many graphs of the file define the name. */
  private readonly tensors = new Map<string, number>();
  private readonly nodeNames = new Map<string, number>();

  constructor(
    private readonly root: GraphProto,
    private readonly branches: Branches,
  ) {
    this.names = Names.of(root);
    this.count(root);
  }

  graph(): void {
    this.initializers.push(...this.root.initializer);
    this.valueInfo.push(...this.root.valueInfo);
    this.body(this.root, new Scope(null, ''));
  }

  private count(body: GraphProto): void {
    const add = (counts: Map<string, number>, name: string) =>
      name !== '' && counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const name of defined(body)) add(this.tensors, name);
    for (const node of body.node) {
      add(this.nodeNames, node.name);
      for (const inner of bodiesOf(node)) this.count(inner);
    }
  }

  private body(body: GraphProto, scope: Scope): void {
    for (const [index, node] of body.node.entries()) {
      if (standardOp(node) !== 'If') {
        this.nodes.push(this.renamed(node, index, scope));
        continue;
      }
      const name = this.ifs.unique(this.ifName(node, scope));
      const branch = Object.hasOwn(this.branches, name) ? this.branches[name] : null;
      const taken = branch && bodyOf(node, branch);
      if (!taken || hasSparseTensors(taken)) {
        this.open.push({ name, condition: scope.get(node.input[0] ?? '') });
        this.nodes.push(this.renamed(node, index, scope));
        continue;
      }
      this.inline(node, taken, new Scope(scope, `${name}.${branch}`), scope);
      const other = branch === 'then' ? 'else' : 'then';
      const body = bodyOf(node, other);
      if (body) this.left.push({ name, branch: other, body });
    }
  }

  private inline(node: NodeProto, taken: GraphProto, inner: Scope, outer: Scope): void {
    for (const name of defined(taken)) inner.set(name, this.global(this.tensors, name, inner));
    for (const tensor of taken.initializer) {
      const name = inner.get(tensor.name);
      this.places.set(name, { body: taken, name: tensor.name });
      this.initializers.push(shallowCopy(TensorProtoSchema, tensor, { name }));
    }
    for (const info of taken.valueInfo) {
      this.valueInfo.push(shallowCopy(ValueInfoProtoSchema, info, { name: inner.get(info.name) }));
    }
    for (const each of taken.node) {
      const output = each.output[0] ?? '';
      if (standardOp(each) === 'Constant') this.places.set(inner.get(output), { body: taken, name: output });
    }
    this.body(taken, inner);
    node.output.forEach((output, index) => {
      const from = taken.output[index]?.name ?? '';
      if (output !== '') this.nodes.push(makeNode('Identity', [inner.get(from)], [outer.get(output)]));
    });
  }

  /** The name itself where it is the only one of its kind in the file. */
  private global(counts: ReadonlyMap<string, number>, name: string, scope: Scope): string {
    return counts.get(name) === 1 ? name : this.names.unique(`${scope.path}/${name}`);
  }

  /** By its output where it has no name: positions change when weights are stored otherwise. */
  private ifName({ name, output }: NodeProto, scope: Scope): string {
    const first = output.find((each) => each !== '') ?? '';
    if (name === '') return scope.get(first);
    return scope.path === '' || this.nodeNames.get(name) === 1 ? name : `${scope.path}/${name}`;
  }

  private renamed(node: NodeProto, index: number, scope: Scope): NodeProto {
    if (scope.path === '') return node;
    const rename = (name: string) => (name === '' ? '' : scope.get(name));
    return shallowCopy(
      NodeProtoSchema,
      mapBodies(node, (body) => renameCaptured(body, rename)),
      {
        name:
          node.name === ''
            ? this.names.unique(`${scope.path}/${node.opType}_${index}`)
            : this.global(this.nodeNames, node.name, scope),
        input: node.input.map(rename),
        output: node.output.map(rename),
      },
    );
  }
}

function bodyOf(node: NodeProto, branch: Branch): GraphProto | undefined {
  return findAttribute(node, `${branch}_branch`)?.g;
}

/** Field 15 of a GraphProto, which our schema leaves out. */
function hasSparseTensors(body: GraphProto): boolean {
  return body.$unknown?.some(({ no }) => no === 15) ?? false;
}

/** Tensors that the body itself makes or holds. */
function defined(body: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const { name } of [...body.input, ...body.initializer]) names.add(name);
  for (const node of body.node) for (const name of node.output) names.add(name);
  names.delete('');
  return names;
}

/** A body that stays one, with the names that it takes from around it as they are now. */
function renameCaptured(body: GraphProto, around: (name: string) => string): GraphProto {
  const own = defined(body);
  const rename = (name: string) => (own.has(name) ? name : around(name));
  let changed = false;
  const nodes = body.node.map((node) => {
    const copy = mapBodies(node, (inner) => renameCaptured(inner, rename));
    const input = copy.input.map(rename);
    const same = copy === node && input.every((name, i) => name === node.input[i]);
    changed ||= !same;
    return same ? node : shallowCopy(NodeProtoSchema, copy, { input });
  });
  const output = body.output.map((info) => {
    const name = rename(info.name);
    changed ||= name !== info.name;
    return name === info.name ? info : shallowCopy(ValueInfoProtoSchema, info, { name });
  });
  return changed ? shallowCopy(GraphProtoSchema, body, { node: nodes, output }) : body;
}
