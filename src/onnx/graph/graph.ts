/** Questions about one graph, answered from indices built once: who produces, who consumes, what is constant. */
import { OnnxError } from '../../common/fileErrors';
import { bodiesOf, findAttribute, standardOp } from '../proto/attributes';
import { int64s, scalar, tensor } from '../proto/build';
import type { GraphProto, NodeProto, TensorProto } from '../proto/onnx_pb';
import { Names } from './names';

const NONE: readonly number[] = [];

/**
 * A read-only view: build a new one after changing the graph. Nodes are known by their index in `order`.
 * @throws OnnxError for a graph in which a tensor has two producers or depends on itself.
 */
export class Graph {
  /** Nodes in topological order; the file's own order where that is topological, as ONNX asks. */
  readonly order: readonly NodeProto[];
  /** Per node of `order`: a unique name, made up from operator and position where the file has none. */
  readonly nodeNames: readonly string[];
  private readonly producers = new Map<string, number>();
  private readonly consumerLists = new Map<string, number[]>();
  private readonly initializers = new Map<string, TensorProto>();
  private readonly outputs: Set<string>;
  private readonly sparse: Set<string>;
  private readonly constants: Set<string>;

  constructor(readonly proto: GraphProto) {
    for (const initializer of proto.initializer) this.initializers.set(initializer.name, initializer);
    this.outputs = new Set(proto.output.map(({ name }) => name));
    this.sparse = new Set(proto.sparseInitializer.map(({ values }) => values?.name ?? ''));
    for (const node of proto.node) if (isSparseConstant(node)) this.sparse.add(node.output[0] ?? '');
    const reads = proto.node.map(tensorsRead);
    const sorted = topologicalOrder(proto.node, reads);
    this.order = sorted.map((index) => proto.node[index]);
    sorted.forEach((original, index) => {
      for (const name of proto.node[original].output) if (name !== '') this.producers.set(name, index);
      for (const name of reads[original]) {
        const list = this.consumerLists.get(name);
        if (list) list.push(index);
        else this.consumerLists.set(name, [index]);
      }
    });
    this.nodeNames = nameNodes(proto.node, sorted);
    this.constants = this.findConstants();
  }

  /** Index of the node that produces the tensor; undefined for inputs, initializers and unknown names. */
  producerIndex(tensorName: string): number | undefined {
    return this.producers.get(tensorName);
  }

  producer(tensorName: string): NodeProto | undefined {
    const index = this.producers.get(tensorName);
    return index === undefined ? undefined : this.order[index];
  }

  /** Indices of the nodes that read the tensor, rising, once each; a node whose body reads it counts. */
  consumers(tensorName: string): readonly number[] {
    return this.consumerLists.get(tensorName) ?? NONE;
  }

  isOutput(tensorName: string): boolean {
    return this.outputs.has(tensorName);
  }

  /** An initializer, also where a graph input of the same name lets a caller override it. */
  initializer(tensorName: string): TensorProto | undefined {
    return this.initializers.get(tensorName);
  }

  /** The tensor stored in the file under this name: an initializer's or a Constant node's. */
  stored(tensorName: string): TensorProto | undefined {
    const own = this.initializers.get(tensorName);
    if (own) return own;
    const node = this.producer(tensorName);
    return node && standardOp(node) === 'Constant' ? constantValue(node) : undefined;
  }

  /** Is it a sparse tensor of the file? */
  isSparse(tensorName: string): boolean {
    return this.sparse.has(tensorName);
  }

  /** Does the tensor follow from stored tensors alone? */
  isConstant(tensorName: string): boolean {
    return this.constants.has(tensorName);
  }

  private findConstants(): Set<string> {
    const constants = new Set(this.initializers.keys());
    for (const name of this.sparse) constants.add(name);
    for (const node of this.order) {
      if (RANDOM.has(node.opType) || bodiesOf(node).length > 0) continue;
      if (node.input.length === 0 && standardOp(node) !== 'Constant') continue;
      if (!node.input.every((name) => name === '' || constants.has(name))) continue;
      for (const name of node.output) constants.add(name);
    }
    constants.delete('');
    return constants;
  }
}

function isSparseConstant(node: NodeProto): boolean {
  return standardOp(node) === 'Constant' && findAttribute(node, 'sparse_value') !== undefined;
}

const RANDOM = new Set(['RandomNormalLike', 'RandomUniformLike', 'Multinomial', 'Bernoulli']);

/** Value of a Constant node in any of its forms; undefined for strings and sparse tensors. */
export function constantValue(node: NodeProto): TensorProto | undefined {
  const name = node.output[0] ?? '';
  const value = findAttribute(node, 'value');
  if (value) return value.t;
  const one = findAttribute(node, 'value_float');
  if (one) return scalar(name, one.f);
  const many = findAttribute(node, 'value_floats');
  if (many) return tensor(name, [many.floats.length], Float32Array.from(many.floats));
  const int = findAttribute(node, 'value_int');
  if (int) return tensor(name, [], BigInt64Array.of(int.i));
  const ints = findAttribute(node, 'value_ints');
  return ints && int64s(name, ints.ints.map(Number));
}

/** Names a node reads, once each: its inputs, and what its bodies take from the scopes around them. */
function tensorsRead(node: NodeProto): string[] {
  const names = new Set(node.input);
  for (const body of bodiesOf(node)) for (const name of captured(body)) names.add(name);
  names.delete('');
  return [...names];
}

/**
 * Names a body reads from outside. Recursion is safe: the reader refuses files nested more than 33 bodies deep.
 */
export function captured(body: GraphProto): Set<string> {
  const free = new Set<string>();
  for (const node of body.node) {
    for (const name of node.input) free.add(name);
    for (const inner of bodiesOf(node)) for (const name of captured(inner)) free.add(name);
  }
  for (const { name } of body.output) free.add(name);
  for (const { name } of [...body.input, ...body.initializer]) free.delete(name);
  for (const node of body.node) for (const name of node.output) free.delete(name);
  free.delete('');
  return free;
}

/** Depth-first from the file's first node on, with a stack of our own: chains may be ten thousand nodes long. */
function topologicalOrder(nodes: readonly NodeProto[], reads: readonly string[][]): number[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const name of node.output) {
      if (name === '') continue;
      if (producer.has(name))
        throw new OnnxError(`The graph has two nodes that produce the tensor "${name}".`);
      producer.set(name, index);
    }
  });
  const order: number[] = [];
  // 0 new, 1 waiting for its inputs, 2 placed; cursor: the next input to look at.
  const state = new Uint8Array(nodes.length);
  const cursor = new Int32Array(nodes.length);
  for (let root = 0; root < nodes.length; root++) {
    const stack = state[root] === 0 ? [root] : [];
    while (stack.length > 0) {
      const current = stack[stack.length - 1];
      state[current] = 1;
      const next = reads[current][cursor[current]++];
      if (next === undefined) {
        state[current] = 2;
        order.push(current);
        stack.pop();
        continue;
      }
      const from = producer.get(next);
      if (from === undefined || state[from] === 2) continue;
      if (state[from] === 1) throw new OnnxError(`The graph has a cycle through the tensor "${next}".`);
      stack.push(from);
    }
  }
  return order;
}

function nameNodes(nodes: readonly NodeProto[], sorted: readonly number[]): string[] {
  const names = new Names();
  const named = new Array<string>(nodes.length);
  // Names given in the file go first, so that none of them is lost to a made-up one.
  nodes.forEach((node, index) => {
    if (node.name !== '') named[index] = names.unique(node.name);
  });
  nodes.forEach((node, index) => {
    if (node.name === '') named[index] = names.unique(`${node.opType}_${index}`);
  });
  return sorted.map((index) => named[index]);
}
