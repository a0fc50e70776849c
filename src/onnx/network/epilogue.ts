/** Where a layer's output is taken: after its bias, batch norm, activation and the residual Add that it feeds alone. */
import type { Graph } from '../graph/graph';
import { standardOp } from '../proto/attributes';
import type { NodeProto } from '../proto/onnx_pb';
import type { Shapes } from '../shapes/rule';

/**
 * Operators that map a tensor element by element (batch norm: channel by channel), from which activations are written
 * out: SiLU is x * Sigmoid(x), HardSwish x * Clip(x + 3) / 6, GELU a chain around Erf or Tanh.
 */
const ELEMENTWISE = new Set(
  (
    'Add Sub Mul Div Pow Min Max Neg Abs Sqrt Reciprocal Exp Log Sign Erf Where Greater GreaterOrEqual Less LessOrEqual ' +
    'BatchNormalization Identity Dropout Cast Clip Relu LeakyRelu PRelu ThresholdedRelu Sigmoid Tanh HardSigmoid HardSwish ' +
    'Gelu Elu Selu Celu Softplus Softsign Mish Swish'
  ).split(' '),
);

/** Reads that only ask for a size do not see the values. */
const METADATA = new Set(['Shape', 'Size']);

/** Longest activation written out; the longest known (GELU by Tanh) has nine nodes. */
const CLUSTER_LIMIT = 32;

/** Most clusters in one epilogue: no real one comes near, and made-up graphs stay quick. */
const LONGEST = 64;

/** The tensor after the epilogue of the layer that puts out `output`. */
export function epilogueEnd(graph: Graph, shapes: Shapes, output: string): string {
  let current = output;
  let joined = false;
  // A tensor that leaves the model is a result: nothing after it belongs to the layer.
  for (let length = 0; length < LONGEST && !graph.isOutput(current); length++) {
    let next = clusterEnd(graph, current);
    if (next === null && !joined) {
      next = residualEnd(graph, shapes, current);
      joined = true;
    }
    if (next === null) return current;
    current = next;
  }
  return current;
}

function readers(graph: Graph, tensor: string): number[] {
  return graph.consumers(tensor).filter((index) => !METADATA.has(standardOp(graph.order[index])));
}

/**
 * Exit of the smallest cluster of elementwise nodes that only `start` (and constants) enter and only one tensor leaves;
 * null where there is none. One Relu is the simplest cluster.
 */
function clusterEnd(graph: Graph, start: string): string | null {
  const members = new Set([start]);
  const pending = new Set(readers(graph, start));
  for (let count = 0; count < CLUSTER_LIMIT && pending.size > 0; count++) {
    if (pending.size > CLUSTER_LIMIT) return null;
    // In topological order, so that all members a node reads are there before it.
    const index = Math.min(...pending);
    pending.delete(index);
    const node = graph.order[index];
    if (!isElementwise(graph, node, members)) return null;
    const output = node.output[0];
    if (pending.size === 0) return output;
    if (graph.isOutput(output)) return null;
    members.add(output);
    for (const reader of readers(graph, output)) pending.add(reader);
  }
  return null;
}

function isElementwise(graph: Graph, node: NodeProto, members: ReadonlySet<string>): boolean {
  if (!ELEMENTWISE.has(standardOp(node)) || (node.output[0] ?? '') === '') return false;
  // The mask of a Dropout, the statistics of a training BatchNormalization.
  const more = node.output.slice(1).some((name) => graph.isOutput(name) || graph.consumers(name).length > 0);
  return !more && node.input.every((name) => name === '' || members.has(name) || graph.isConstant(name));
}

/** Output of the Add (or Sum) that is the tensor's only reader and keeps its shape. */
function residualEnd(graph: Graph, shapes: Shapes, tensor: string): string | null {
  const all = readers(graph, tensor);
  const node = all.length === 1 ? graph.order[all[0]] : undefined;
  if (!node || (standardOp(node) !== 'Add' && standardOp(node) !== 'Sum') || !node.output[0]) return null;
  const [before, after] = [shapes.get(tensor), shapes.get(node.output[0])];
  if (
    before &&
    after &&
    (before.length !== after.length || before.some((dim, axis) => differ(dim, after[axis])))
  ) {
    return null;
  }
  return node.output[0];
}

/** Two sizes that are certainly not equal: open ones may be. */
function differ(a: number | string, b: number | string): boolean {
  return typeof a === 'number' && typeof b === 'number' && a !== b;
}
