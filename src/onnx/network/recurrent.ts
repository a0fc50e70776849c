/** Recurrent layers: W meets the inputs of each step, R the hidden state that the step before put out. */
import type { Graph } from '../graph/graph';
import { intAttribute, standardOp, stringAttribute } from '../proto/attributes';
import { dimsOf } from '../proto/tensors';
import { elementsOf } from '../shapes/inferShapes';
import type { Shapes } from '../shapes/rule';
import type { PlacedLayer } from './layers';
import type { LayerOp } from './network';
import { traceWeights } from './stored';

export type RecurrentOp = Extract<LayerOp, 'LSTM' | 'GRU' | 'RNN'>;

const OPS: ReadonlySet<string> = new Set<RecurrentOp>(['LSTM', 'GRU', 'RNN']);

export function isRecurrent(op: string): op is RecurrentOp {
  return OPS.has(op);
}

/** Positions of a recurrent node's inputs and of its output of all hidden states (ONNX spec, LSTM). */
export const INPUT = { x: 0, w: 1, r: 2, lengths: 4, initial: 5 } as const;

/**
 * W [directions, gates x hidden, inputs] and R [directions, gates x hidden, hidden] as a layer each, with a scale per row
 * of each direction and gate; what cannot be quantized is left out, and the reason given where nothing is left.
 */
export function describeRecurrent(
  graph: Graph,
  shapes: Shapes,
  index: number,
): PlacedLayer[] | { reason: string } {
  const node = graph.order[index];
  const op = standardOp(node) as RecurrentOp;
  const name = graph.nodeNames[index];
  const used = (tensor: string) => graph.isOutput(tensor) || graph.consumers(tensor).length > 0;
  const output = node.output.find((each) => each !== '' && used(each)) ?? '';
  const layers: PlacedLayer[] = [];
  let reason = 'its weights are computed from the input';
  for (const isHidden of [false, true]) {
    const found = traceWeights(graph, shapes, node.input[isHidden ? INPUT.r : INPUT.w] ?? '');
    if ('reason' in found) {
      reason = found.reason;
      continue;
    }
    const [direction, row] = [found.storedAxis(0), found.storedAxis(1)];
    const directions = found.shape[0];
    if (found.shape.length !== 3 || row === null || (directions > 1 && direction !== row - 1)) {
      reason = 'its weights are reshaped across rows';
      continue;
    }
    const params = found.shape.reduce((product, size) => product * size, 1);
    const steps = elementsOf(shapes, node.input[INPUT.x]);
    const inputs = shapes.get(node.input[INPUT.x])?.at(-1);
    layers.push({
      index,
      layer: {
        node: isHidden ? `${name}.R` : name,
        op,
        weight: found.name,
        weightShape: dimsOf(found.tensor),
        weightType: found.tensor.dataType,
        channelAxis: row,
        ...(directions > 1 ? { apart: [row - 1] } : {}),
        groups: isHidden ? directions : 1,
        input: node.input[INPUT.x],
        ...(isHidden ? { readsHidden: true } : {}),
        output,
        params,
        macs: steps !== null && typeof inputs === 'number' ? (steps / inputs) * params : null,
      },
    });
  }
  return layers.length > 0 ? layers : { reason };
}

/** Directions of a node whose hidden states can be told: 1 forward, -1 in reverse; null for a layout of batch first. */
export function directionsOf(node: Parameters<typeof intAttribute>[0]): (1 | -1)[] | null {
  if (intAttribute(node, 'layout', 0) !== 0) return null;
  const direction = stringAttribute(node, 'direction', 'forward');
  return direction === 'bidirectional' ? [1, -1] : [direction === 'reverse' ? -1 : 1];
}
