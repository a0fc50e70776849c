/** In which form each weight is written: as bit planes, or packed for a product that ONNX Runtime runs on packed weights. */
import { Graph } from '../graph/graph';
import type { ModelProto } from '../proto/onnx_pb';
import { dequantizeOpset } from './dequantizePart';
import { productReaders } from './productReaders';
import type { StoredWeight } from './storedWeight';
import { product } from '../proto/dims';

/** planes: any width, floats once loaded. dq: DequantizeLinear, packed in memory, for 4 and 8 bits (and 2 from opset 25). */
export type FormChoice = 'auto' | 'planes' | 'dq';
export type WeightForm = 'dq';
/** By tensor; bit planes where there is none. */
export type WeightForms = ReadonlyMap<string, WeightForm>;

/** Before it, files list initializers as inputs, which are no constants to ONNX Runtime. */
const LEAST_IR = 4;

/**
 * Rows up to which a product on packed weights is the faster one: it is bound by reading them, and with more rows by
 * multiplying, which floats do faster (bench/forms.ts).
 */
const FEW_ROWS = 16;
/** Elements below which the choice makes no difference that anybody measures. */
const WORTH = 2 ** 14;

export interface WeightToForm extends StoredWeight {
  bits: number;
  /** That its layer multiplies, for the inputs that the model will see; null: not known. */
  rows: number | null;
}

/**
 * By tensor, the operator set that the packed form asks for, where it is chosen: with auto where ONNX Runtime then takes
 * less time, with dq wherever it runs it packed. Widths without a type of their own stay bit planes: bytes come first.
 */
export function packedForms(
  model: ModelProto,
  weights: readonly WeightToForm[],
  choice: FormChoice,
): Map<string, number> {
  const asked = new Map<string, number>();
  if (choice === 'planes' || Number(model.irVersion) < LEAST_IR) return asked;
  const graph = new Graph(model.graph!);
  for (const weight of weights) {
    if (choice === 'auto' && !isFaster(weight)) continue;
    const opset = dequantizeOpset(weight, weight.bits, productReaders(graph, weight.tensor));
    if (opset !== null) asked.set(weight.tensor, opset);
  }
  return asked;
}

function isFaster({ shape, rows }: WeightToForm): boolean {
  return rows !== null && rows <= FEW_ROWS && product(shape) >= WORTH;
}
