/** From the weights a layer reads back to the tensor that holds them in the file. */
import type { Graph } from '../graph/graph';
import { intsAttribute, standardOp } from '../proto/attributes';
import { product } from '../proto/dims';
import { TensorProto_DataType as DataType, type TensorProto } from '../proto/onnx_pb';
import { dimsOf, typeName } from '../proto/tensors';
import type { Shapes } from '../shapes/rule';

export interface StoredWeights {
  tensor: TensorProto;
  /** The initializer's name or the Constant node's output. */
  name: string;
  /** Shape as the layer sees it. */
  shape: number[];
  /** Stored axis that one axis of that shape is; null where a Reshape mixed it with others. */
  storedAxis(axis: number): number | null;
}

/** Why weights cannot be used, as a phrase. */
export interface NoWeights {
  reason: string;
}

const FLOAT_TYPES: ReadonlySet<number> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16]);
export const isFloatType = (dataType: number): boolean => FLOAT_TYPES.has(dataType);

const RESHAPES = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);
const THROUGH = new Set(['Identity', 'Cast', 'Transpose', ...RESHAPES]);

/** One step from the stored tensor to the layer. */
interface Step {
  /** Of a Transpose; null for a reshape. */
  perm: number[] | null;
  from: number[];
  to: number[];
}

export function traceWeights(graph: Graph, shapes: Shapes, weight: string): StoredWeights | NoWeights {
  if (!graph.isConstant(weight)) return { reason: 'its weights are computed from the input' };
  const path = [];
  let name = weight;
  let tensor = graph.stored(name);
  while (!tensor) {
    if (graph.isSparse(name))
      return { reason: 'its weights are stored sparsely, in less room than 4 bits each' };
    const node = graph.producer(name);
    const op = node && standardOp(node);
    if (!node || !op || !THROUGH.has(op)) {
      return op === 'DequantizeLinear'
        ? { reason: 'its weights are quantized already' }
        : { reason: `its weights are computed by the operator ${node?.opType ?? '?'}` };
    }
    path.push(node);
    name = node.input[0];
    tensor = graph.stored(name);
  }
  if (!isFloatType(tensor.dataType)) {
    const { dataType } = tensor;
    return dataType === (DataType.DOUBLE as number)
      ? { reason: 'its weights are of type double' }
      : { reason: `its weights are stored as ${typeName(dataType)}, quantized already` };
  }
  let shape = dimsOf(tensor);
  if (shape.length < 2) return { reason: 'its weights have fewer than two axes' };
  if (shape.includes(0)) return { reason: 'its weights are empty' };
  const steps: Step[] = [];
  for (const node of path.reverse()) {
    const op = standardOp(node);
    if (op !== 'Transpose' && !RESHAPES.has(op)) continue;
    const from = shape;
    const perm =
      op === 'Transpose' ? (intsAttribute(node, 'perm') ?? from.map((_, i) => from.length - 1 - i)) : null;
    const to = perm ? perm.map((axis) => from[axis]) : shapes.get(node.output[0] ?? '');
    if (!to || to.some((dim) => typeof dim !== 'number'))
      return { reason: 'the shape of its weights is unknown' };
    shape = to as number[];
    steps.push({ perm, from, to: shape });
  }
  return { tensor, name, shape, storedAxis: (axis) => steps.reduceRight(stepBack, axis as number | null) };
}

function stepBack(axis: number | null, { perm, from, to }: Step): number | null {
  if (axis === null) return null;
  if (perm) return perm[axis] ?? null;
  // The same axis before a reshape: as long, and with as many elements in front of it.
  const before = product(to.slice(0, axis));
  const found = from.findIndex((dim, i) => dim === to[axis] && product(from.slice(0, i)) === before);
  return found < 0 ? null : found;
}
