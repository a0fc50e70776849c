/**
 * Layers in the branches of an If: the branch that the samples take is put in line with the nodes around it, so that all
 * that looks at a graph sees them. The file itself keeps its Ifs; `places` leads back into it.
 */
import { mapBodies } from '../graph/bodies';
import { Graph } from '../graph/graph';
import { standardOp } from '../proto/attributes';
import { node as makeNode } from '../proto/build';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { bodyOf, BranchNames, defined } from './branchNames';
import { isLayerOp } from './layers';
import type { Branch, Branches } from './network';
import { isRecurrent } from './recurrent';
import { skippedInBodies } from './skipped';

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
  const writer = new InlineGraph(model.graph, branches);
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
      skippedInBodies(node, '', (tensor) => graph.isConstant(tensor)).some(
        ({ op }) => isLayerOp(op) || isRecurrent(op),
      ),
  );
}

class InlineGraph {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly valueInfo: ValueInfoProto[] = [];
  readonly places = new Map<string, Place>();
  readonly open: OpenIf[] = [];
  readonly left: LeftOut[] = [];
  private readonly names: BranchNames;

  constructor(
    private readonly root: GraphProto,
    private readonly branches: Branches,
  ) {
    this.names = new BranchNames(root);
  }

  graph(): void {
    this.initializers.push(...this.root.initializer);
    this.valueInfo.push(...this.root.valueInfo);
    this.body(this.root);
  }

  private body(body: GraphProto): void {
    for (const [index, node] of body.node.entries()) {
      if (standardOp(node) !== 'If') {
        this.nodes.push(this.renamed(node, index, body));
        continue;
      }
      const name = this.names.ofIf(node);
      const branch = Object.hasOwn(this.branches, name) ? this.branches[name] : null;
      const taken = branch && bodyOf(node, branch);
      if (!taken || taken.sparseInitializer.length > 0) {
        this.open.push({ name, condition: this.names.tensor(body, node.input[0] ?? '') });
        this.nodes.push(this.renamed(node, index, body));
        continue;
      }
      this.inline(node, taken, body);
      const other = branch === 'then' ? 'else' : 'then';
      const left = bodyOf(node, other);
      if (left) this.left.push({ name, branch: other, body: left });
    }
  }

  private inline(node: NodeProto, taken: GraphProto, around: GraphProto): void {
    const inner = (name: string) => this.names.tensor(taken, name);
    for (const tensor of taken.initializer) {
      const name = inner(tensor.name);
      this.places.set(name, { body: taken, name: tensor.name });
      this.initializers.push(shallowCopy(TensorProtoSchema, tensor, { name }));
    }
    for (const info of taken.valueInfo) {
      this.valueInfo.push(shallowCopy(ValueInfoProtoSchema, info, { name: inner(info.name) }));
    }
    for (const each of taken.node) {
      const output = each.output[0] ?? '';
      if (standardOp(each) === 'Constant') this.places.set(inner(output), { body: taken, name: output });
    }
    this.body(taken);
    node.output.forEach((output, index) => {
      const from = inner(taken.output[index]?.name ?? '');
      if (output !== '') this.nodes.push(makeNode('Identity', [from], [this.names.tensor(around, output)]));
    });
  }

  private renamed(node: NodeProto, index: number, body: GraphProto): NodeProto {
    if (body === this.root) return node;
    const rename = (name: string) => this.names.tensor(body, name);
    return shallowCopy(
      NodeProtoSchema,
      mapBodies(node, (inner) => renameCaptured(inner, rename)),
      {
        name: this.names.node(body, node, index),
        input: node.input.map(rename),
        output: node.output.map(rename),
      },
    );
  }
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
