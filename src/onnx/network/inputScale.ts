/** What the first operators of a model do to the values of an input: the sums and scalings with constants that stand before its first layer. */
import { standardOp, findAttribute } from '../proto/attributes';
import type { Graph } from '../graph/graph';
import { smallValues } from '../proto/tensors';
import type { NodeProto } from '../proto/onnx_pb';

/** value -> scale * value + offset, per channel or for all of them. */
export interface InputScale {
  scale: number[];
  offset: number[];
}

/** These leave values as they are. */
const PASSING = new Set([
  'Identity',
  'Cast',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Reshape',
  'Resize',
  'Pad',
]);
/** More constants than this are no statistics of channels. */
const MOST = 8;

/** null where the values reach the first layer as they are. */
export function inputScale(graph: Graph, input: string): InputScale | null {
  let found: InputScale | null = null;
  let tensor = input;
  for (;;) {
    const consumers = graph.consumers(tensor);
    if (consumers.length !== 1) return found;
    const node = graph.order[consumers[0]];
    const op = standardOp(node);
    if (PASSING.has(op) && node.input[0] === tensor) {
      [tensor] = node.output;
      continue;
    }
    const step = op === 'BatchNormalization' ? normalization(graph, node) : affine(graph, node, op, tensor);
    if (!step) return found;
    found = found ? then(found, step) : step;
    [tensor] = node.output;
  }
}

/** null for anything but a sum or a scaling with constants. */
function affine(graph: Graph, node: NodeProto, op: string, tensor: string): InputScale | null {
  const [a, b] = node.input;
  const stored = graph.stored(a === tensor ? b : a);
  const values = stored && smallValues(stored, MOST);
  if (!values || values.length === 0) return null;
  const isFirst = a === tensor;
  const same = (value: number): number[] => values.map(() => value);
  switch (op) {
    case 'Add':
      return { scale: same(1), offset: values };
    case 'Mul':
      return { scale: values, offset: same(0) };
    case 'Sub':
      return isFirst
        ? { scale: same(1), offset: values.map((v) => -v) }
        : { scale: same(-1), offset: values };
    case 'Div':
      return isFirst && !values.includes(0) ? { scale: values.map((v) => 1 / v), offset: same(0) } : null;
    default:
      return null;
  }
}

function normalization(graph: Graph, node: NodeProto): InputScale | null {
  const [scale, bias, mean, variance] = node.input.slice(1).map((name) => {
    const stored = graph.stored(name);
    return stored ? smallValues(stored, MOST) : null;
  });
  if (!scale || !bias || !mean || !variance) return null;
  const epsilon = findAttribute(node, 'epsilon')?.f ?? 1e-5;
  const factor = scale.map((value, i) => value / Math.sqrt(variance[i] + epsilon));
  return { scale: factor, offset: bias.map((value, i) => value - mean[i] * factor[i]) };
}

/** First `a`, then `b`; one value stands for all channels. */
function then(a: InputScale, b: InputScale): InputScale {
  const count = Math.max(a.scale.length, b.scale.length);
  const at = (values: number[], i: number): number => values[values.length === 1 ? 0 : i] ?? NaN;
  const channels = Array.from({ length: count }, (_, i) => i);
  return {
    scale: channels.map((i) => at(a.scale, i) * at(b.scale, i)),
    offset: channels.map((i) => at(a.offset, i) * at(b.scale, i) + at(b.offset, i)),
  };
}
