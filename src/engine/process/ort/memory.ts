/** How much memory scoring will take, and how much it may. */
import { freemem, totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Graph } from '../../../onnx/graph/graph';
import { opsetOf, standardOp } from '../../../onnx/proto/attributes';
import { elements } from '../../../onnx/proto/dims';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { inferShapes } from '../../../onnx/shapes/inferShapes';
import { type Shapes } from '../../../onnx/shapes/rule';

/** Free memory in bytes, a container's limit included. */
export function freeMemory(): number {
  const available = (process as { availableMemory?: () => number }).availableMemory?.();
  return Math.min(available && available > 0 ? available : freemem(), totalmem());
}

/** Bytes that this process holds, what it has no more use for set aside. */
export function residentMemory(): number {
  collectGarbage();
  return process.memoryUsage.rss();
}

/** Bytes that a request may make this process hold; `asked` is what the user allows, 0: half of the free memory more. */
export function limitOf(asked: number): number {
  return asked > 0 ? asked : residentMemory() + freeMemory() / 2;
}

/** For messages. */
export const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

/** For jobs that go on all the same, in the smallest steps. */
export function limitWarnings(asked: number): string[] {
  const held = residentMemory();
  if (asked === 0 || asked >= held) return [];
  return [
    `The memory limit of ${megabytes(asked)} is too low: the engine itself uses ${megabytes(held)} before it begins.`,
  ];
}

let gc: (() => void) | undefined;

/** Serialized graphs are as large as the weights, and garbage as soon as a session has read them. */
export function collectGarbage(): void {
  if (!gc) {
    setFlagsFromString('--expose_gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}

/** Operators whose output takes the place of their input, or that are fused into the layer before. */
const IN_PLACE = new Set([
  'Relu',
  'Clip',
  'LeakyRelu',
  'Sigmoid',
  'HardSigmoid',
  'Tanh',
  'BatchNormalization',
  'Add',
  'Identity',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Dropout',
]);

/**
 * Bytes of activations alive at once, at the worst moment, per sample: a walk over the nodes in order, each tensor from
 * its producer to its last reader. Unknown shapes count as nothing.
 * @param inputs dims of a block of `count` samples
 * @param heads tensors that a Gram head reads (a copy in plain layout and one centred may stand beside them), with their
 * elements per sample where these have been seen
 */
export function liveActivationBytes(
  model: ModelProto,
  inputs: Record<string, number[]>,
  count: number,
  heads: ReadonlyMap<string, number | null>,
): number {
  const graph = new Graph(model.graph!);
  const shapes = inferShapes(graph, opsetOf(model), inputs);
  const lastUse = new Map<string, number>();
  graph.order.forEach((_, index) => {
    for (const name of graph.order[index].input) lastUse.set(name, index);
  });
  let live = 0;
  let peak = 0;
  const bytes = (name: string): number =>
    graph.isConstant(name) ? 0 : 4 * (heads.get(name) ?? (sizeOf(shapes, name) ?? 0) / count);
  const dying: string[][] = graph.order.map(() => []);
  for (const [name, index] of lastUse) if (graph.producer(name)) dying[index].push(name);
  graph.order.forEach((node, index) => {
    const made = node.output.reduce((sum, name) => sum + bytes(name), 0);
    const freed = dying[index].reduce((sum, name) => sum + bytes(name), 0);
    const reused = IN_PLACE.has(standardOp(node)) ? Math.min(made, freed) : 0;
    const copies = node.output.reduce((sum, name) => sum + (heads.has(name) ? 2 * bytes(name) : 0), 0);
    live += made - reused;
    peak = Math.max(peak, live + copies);
    live -= freed - reused;
    for (const name of node.output) if (!lastUse.has(name)) live -= bytes(name);
  });
  return peak;
}

function sizeOf(shapes: Shapes, name: string): number | null {
  const shape = shapes.get(name);
  return shape && elements(shape);
}
