/** Coarser units than a layer: blocks, stages, the whole net. */
import { standardOp } from '../proto/attributes';
import type { Graph } from '../graph/graph';
import type { Granularity, Layer, NetworkFunction } from './network';

/** A function and where it lies in Graph.order. */
export interface PlacedFunction extends NetworkFunction {
  /** Index of each layer's node. */
  starts: number[];
  /** Index of the node that puts out `output`. */
  end: number;
}

/** Functions that belong together become one: all layers, the last one's output. Functions are in network order. */
export function merge(
  graph: Graph,
  functions: readonly PlacedFunction[],
  granularity: Granularity,
): PlacedFunction[] {
  switch (granularity) {
    case 'layer':
      return [...functions];
    case 'block':
      return mergeBy(functions, blockIndices(graph, functions));
    case 'stage':
      return mergeBy(
        functions,
        functions.map(({ stage }) => stage),
      );
    case 'net':
      return mergeBy(
        functions,
        functions.map(() => 0),
      );
  }
}

function mergeBy(functions: readonly PlacedFunction[], keys: readonly number[]): PlacedFunction[] {
  const groups = new Map<number, PlacedFunction[]>();
  functions.forEach((each, index) => {
    const group = groups.get(keys[index]);
    if (group) group.push(each);
    else groups.set(keys[index], [each]);
  });
  return [...groups.values()].map((group) => {
    const last = group[group.length - 1];
    const layers = group.flatMap((each) => each.layers);
    const macs = group.map((each) => each.macs);
    return {
      ...last,
      name: group[0].name,
      layers,
      params: distinctParams(layers),
      macs: macs.includes(null) ? null : macs.reduce<number>((sum, each) => sum + (each ?? 0), 0),
      stage: group[0].stage,
      starts: group.flatMap((each) => each.starts),
    };
  });
}

/**
 * Weight elements of the layers, a shared tensor counted once.
 * @param counted tensors that are counted elsewhere; those of the layers are added
 */
export function distinctParams(layers: readonly Layer[], counted = new Set<string>()): number {
  let sum = 0;
  for (const { weight, params } of layers) if (!counted.has(weight) && counted.add(weight)) sum += params;
  return sum;
}

/** Per function, how many tensors that all data flows through lie before its output. */
function blockIndices(graph: Graph, functions: readonly PlacedFunction[]): number[] {
  // A tensor in the middle of a function (between a convolution and its ReLU, say) separates nothing.
  const inside = new Int32Array(graph.order.length + 1);
  for (const { starts, end } of functions) {
    for (const start of starts) {
      inside[start]++;
      inside[end]--;
    }
  }
  const cutsBefore = new Int32Array(graph.order.length + 1);
  const cuts = bottlenecks(graph);
  for (let i = 0, depth = 0; i < graph.order.length; i++) {
    depth += inside[i];
    cutsBefore[i + 1] = cutsBefore[i] + (cuts[i] === 1 && depth === 0 ? 1 : 0);
  }
  return functions.map(({ end }) => cutsBefore[end]);
}

/**
 * Marks the nodes after which a single tensor is all that the rest of the graph still needs of the data: every path from
 * input to output goes through it. Constants and tensors that only tell a size are no data.
 */
function bottlenecks(graph: Graph): Uint8Array {
  const count = graph.order.length;
  const change = new Int32Array(count + 1);
  const isData = new Uint8Array(count);
  /** Counts a tensor as needed from its producer to its last reader, and marks the readers. */
  const follow = (tensor: string, producer: number) => {
    let last = graph.isOutput(tensor) ? count : -1;
    for (const reader of graph.consumers(tensor)) {
      const op = standardOp(graph.order[reader]);
      if (op === 'Shape' || op === 'Size') continue;
      isData[reader] = 1;
      last = Math.max(last, reader);
    }
    if (last <= producer) return;
    change[Math.max(producer, 0)]++;
    change[last]--;
  };
  for (const { name } of graph.proto.input) if (!graph.isConstant(name)) follow(name, -1);
  const marks = new Uint8Array(count);
  for (let index = 0, alive = 0; index < count; index++) {
    if (isData[index] === 1) {
      for (const name of graph.order[index].output) if (name !== '') follow(name, index);
    }
    alive += change[index];
    marks[index] = alive === 1 && isData[index] === 1 ? 1 : 0;
  }
  return marks;
}
