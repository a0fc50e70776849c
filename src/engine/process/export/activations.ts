/** Numbers for integer layers and activations: ranges from the calibration samples, batch norms folded, biases as int32. */
import { product } from '../../../onnx/proto/dims';
import { addedNames } from '../../../onnx/graph/addedNames';
import { withGraph } from '../../../onnx/graph/subgraph';
import { type Expected, fakeQuantized } from '../../../onnx/packing/fakeQuantize';
import type { CodeStorage, WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';

import { type HeldTensor, heldTensors } from '../../../onnx/packing/weights';
import { findAttribute } from '../../../onnx/proto/attributes';
import type { GraphProto, ModelProto, NodeProto } from '../../../onnx/proto/onnx_pb';
import { readFloats } from '../../../onnx/proto/tensors';
import type { Grid } from '../../../onnx/qdq/grid';
import type { ActivationPlan, LayerNumbers } from '../../../onnx/qdq/activationPlan';
import { insertActivations } from '../../../onnx/qdq/insert';
import type { IntegerLayer, Placement } from '../../../onnx/qdq/placement';
import type { ActivationChoice } from '../../protocol';
import { measureGrids, type RangeWork } from './ranges';

/** An int32 bias stays below this: the sums of products come on top. */
const LARGEST_BIAS = 2 ** 30;

/**
 * @param expected weights as rounded; where a bias would not fit beside a channel of tiny weights, the channel's codes and
 * scale are changed in place
 */
export async function planActivations(
  placement: Placement,
  { bits, perFunction, range }: ActivationChoice,
  expected: Expected,
  work: RangeWork,
): Promise<ActivationPlan> {
  const grids = await measureGrids(placement.tensors, range, work);
  const held = heldTensors(expected.model.graph!);
  const byTensor = new Map(expected.storages.map((storage) => [storage.tensor, storage]));
  const readers = new Map<string, number>();
  for (const { layer } of placement.layers) readers.set(layer.weight, (readers.get(layer.weight) ?? 0) + 1);
  const numbers: LayerNumbers[] = [];
  for (const each of placement.layers) {
    const { weight, input } = each.layer;
    const storage = byTensor.get(weight) as CodeStorage;
    const folded = await foldNorm(each, storage, held, expected.path);
    const root = placement.tensors.find(({ tensor }) => tensor === input)!.like ?? input;
    const alone = readers.get(weight) === 1 ? storage : null;
    const own = integerNumbers(folded, grids.get(root)!, alone, each.layer.weightShape);
    numbers.push({ ...own, codeBits: storage.bits });
  }
  return {
    ...placement,
    grids,
    numbers,
    record: `${perFunction ? mixed(perFunction) : bits} bits, ${range}`,
  };
}

/** "4, 6 and 8" as "4/6/8". */
function mixed(bits: readonly number[]): string {
  return [...new Set(bits)].sort((a, b) => a - b).join('/');
}

interface Folded {
  scales: Float64Array;
  bias: Float64Array | null;
}

/** BatchNorm(W x + b) = (g / d) W x + (b - mean) g / d + shift, d = sqrt(variance + epsilon). */
async function foldNorm(
  { norm, bias: biasName }: IntegerLayer,
  { scales }: CodeStorage,
  held: ReadonlyMap<string, HeldTensor>,
  path: string,
): Promise<Folded> {
  const read = (name: string) => readFloats(held.get(name)!.tensor, path);
  const bias = biasName === null ? null : Float64Array.from(await read(biasName));
  if (!norm) return { scales: Float64Array.from(scales), bias };
  const [gain, shift, mean, variance] = await Promise.all(norm.input.slice(1).map(read));
  const epsilon = findAttribute(norm, 'epsilon')?.f ?? 1e-5;
  const factors = Float64Array.from(gain, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  return {
    scales: factors.map((factor, c) => factor * scales[c]),
    bias: factors.map((factor, c) => ((bias?.[c] ?? 0) - mean[c]) * factor + shift[c]),
  };
}

/** @param storage whose channels may be changed; null: others read them, too */
function integerNumbers(
  { scales, bias }: Folded,
  input: Grid,
  storage: CodeStorage | null,
  shape: number[],
): Omit<LayerNumbers, 'codeBits'> {
  const own = Float32Array.from(scales);
  if (!bias) return { scales: own, bias: null };
  const codes = Int32Array.from(bias, (value, c) => {
    const least = Math.abs(value) / input.scale / LARGEST_BIAS;
    if (storage && Math.abs(own[c]) < least) {
      const wider = Math.fround(2 * least);
      rescaleChannel(storage, shape, c, own[c] / wider);
      own[c] = wider;
    }
    const code = Math.round(value / Math.fround(input.scale * own[c]));
    return Math.max(-LARGEST_BIAS, Math.min(LARGEST_BIAS, code)) || 0;
  });
  return { scales: own, bias: codes };
}

function rescaleChannel(
  { codes, axis }: CodeStorage,
  shape: number[],
  channel: number,
  factor: number,
): void {
  const inner = product(shape.slice(axis + 1));
  for (let i = 0; i < codes.length; i++) {
    if (Math.floor(i / inner) % shape[axis] === channel) codes[i] = Math.round(codes[i] * factor);
  }
}

/** The original with the same numbers as floats: what the written file computes, pair by pair, without integer kernels. */
export function emulated(expected: Expected, plan: ActivationPlan): ModelProto {
  const integer = new Set(plan.layers.map(({ layer }) => layer.weight));
  const others = networkWeights(expected.network).filter(({ tensor }) => !integer.has(tensor));
  const model = fakeQuantized(expected, others);
  const graph: GraphProto = withoutStored(model, integer);
  const storages = new Map(expected.storages.map((storage: WeightStorage) => [storage.tensor, storage]));
  insertActivations(
    graph,
    plan,
    {
      kind: 'values',
      values: ({ weight, weightShape, channelAxis }, scales) => {
        const { codes } = storages.get(weight) as CodeStorage;
        const inner = product(weightShape.slice(channelAxis + 1));
        return Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / inner) % scales.length]);
      },
    },
    addedNames(expected.model.graph!, expected.storages.length),
    'initializer',
  );
  return withGraph(model, graph);
}

function withoutStored(model: ModelProto, names: ReadonlySet<string>): GraphProto {
  const graph = model.graph!;
  const holds = ({ opType, output }: NodeProto) => opType === 'Constant' && names.has(output[0] ?? '');
  return withGraph(model, {
    node: graph.node.filter((node) => !holds(node)),
    initializer: graph.initializer.filter(({ name }) => !names.has(name)),
    input: graph.input.filter(({ name }) => !names.has(name)),
  }).graph!;
}
