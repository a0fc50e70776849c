/**
 * Names for what lies in the branches of Ifs. ONNX lets branches beside each other use the same names; here every tensor
 * and node of the file has one of its own: "If_0.then/conv" where "conv" alone would not do.
 */
import { bodiesOf, findAttribute, standardOp } from '../proto/attributes';
import type { Branch } from './network';
import type { GraphProto, NodeProto } from '../proto/onnx_pb';
import { Names } from '../graph/names';

const BRANCHES: readonly Branch[] = ['then', 'else'];

/** Names of one branch. */
interface Scope {
  /** "If_0.then". */
  path: string;
  own: Map<string, string>;
  around: Scope | null;
}

export class BranchNames {
  private readonly scopes = new Map<GraphProto, Scope>();
  private readonly ifs = new Map<NodeProto, string>();
  private readonly ifNames = new Names();
  private readonly names: Names;
  /** How many graphs of the file define a tensor, or nodes have the name. */
  private readonly tensors = new Map<string, number>();
  private readonly nodes = new Map<string, number>();

  constructor(root: GraphProto) {
    this.names = Names.of(root);
    this.count(root);
    this.visit(root, null);
  }

  /** @param body a branch of an If that lies in no body but branches, or the main graph */
  tensor(body: GraphProto, name: string): string {
    for (let scope = this.scopes.get(body) ?? null; scope; scope = scope.around) {
      const found = scope.own.get(name);
      if (found !== undefined) return found;
    }
    return name;
  }

  /** @param index of the node in its branch */
  node(body: GraphProto, { name, opType }: NodeProto, index: number): string {
    const path = this.scopes.get(body)?.path ?? '';
    if (name === '') return this.names.unique(`${path}/${opType}_${index}`);
    return this.nodes.get(name) === 1 ? name : this.names.unique(`${path}/${name}`);
  }

  /** The If's key in Branches. */
  ofIf(node: NodeProto): string {
    return this.ifs.get(node) ?? '';
  }

  private count(body: GraphProto): void {
    const add = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const name of defined(body)) add(this.tensors, name);
    for (const node of body.node) {
      add(this.nodes, node.name);
      for (const inner of bodiesOf(node)) this.count(inner);
    }
  }

  private visit(body: GraphProto, around: Scope | null): void {
    for (const node of body.node) {
      if (standardOp(node) !== 'If') continue;
      const name = this.ifNames.unique(this.wanted(node, body, around));
      this.ifs.set(node, name);
      for (const branch of BRANCHES) {
        const inner = bodyOf(node, branch);
        if (!inner) continue;
        const path = `${name}.${branch}`;
        const scope = { path, own: new Map<string, string>(), around };
        for (const each of defined(inner)) {
          scope.own.set(each, this.tensors.get(each) === 1 ? each : this.names.unique(`${path}/${each}`));
        }
        this.scopes.set(inner, scope);
        this.visit(inner, scope);
      }
    }
  }

  /** By its output where it has no name: positions change when weights are stored otherwise. */
  private wanted({ name, output }: NodeProto, body: GraphProto, around: Scope | null): string {
    if (name === '') return this.tensor(body, output.find((each) => each !== '') ?? '');
    return !around || this.nodes.get(name) === 1 ? name : `${around.path}/${name}`;
  }
}

export function bodyOf(node: NodeProto, branch: Branch): GraphProto | undefined {
  return findAttribute(node, `${branch}_branch`)?.g;
}

/** Tensors that the body itself makes or holds. */
export function defined(body: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const { name } of [...body.input, ...body.initializer]) names.add(name);
  for (const node of body.node) for (const name of node.output) names.add(name);
  names.delete('');
  return names;
}
