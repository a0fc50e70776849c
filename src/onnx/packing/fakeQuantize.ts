/** The model as its quantized file must compute it: rounded values in place of the weights. */
import { editBodies } from '../graph/bodies';
import type { Branches, Network } from '../network/network';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { unpackedTensor } from './dequantize';
import type { WeightStorage } from './quantizeModel';
import { networkWeights } from './size';
import type { StoredWeight } from './storedWeight';
import { product } from '../proto/dims';
import { tensorFinder } from './weights';

/** The original with rounded values in place of its weights, or of those named. */
export function fakeQuantized(
  { model, network, storages, branches }: Expected,
  weights: readonly StoredWeight[] = networkWeights(network),
): ModelProto {
  const byTensor = new Map(storages.map((storage) => [storage.tensor, storage]));
  const find = tensorFinder(model, branches);
  const replaced = new Map<GraphProto, Map<string, TensorProto>>();
  for (const weight of weights) {
    const unpacked = unpackedTensor(weight, byTensor.get(weight.tensor)!);
    const held = unpacked && find(weight.tensor);
    if (!held) continue;
    const { body, name } = held;
    const own = replaced.get(body) ?? new Map<string, TensorProto>();
    replaced.set(body, own.set(name, shallowCopy(TensorProtoSchema, unpacked, { name })));
  }
  const edits = new Map(
    [...replaced].map(([body, own]) => [
      body,
      (before: GraphProto) =>
        shallowCopy(GraphProtoSchema, before, {
          node: before.node.filter((node) => !node.output.some((name) => own.has(name))),
          initializer: [...before.initializer.filter(({ name }) => !own.has(name)), ...own.values()],
          input: before.input.filter(({ name }) => !own.has(name)),
        }),
    ]),
  );
  return shallowCopy(ModelProtoSchema, model, { graph: editBodies(model.graph!, edits) });
}

/** Of floats inside one Protobuf message, which ends at 2 GiB. */
const MOST_FLOAT_BYTES = 1.8e9;

/** Are the weights, as floats, too many for a model that holds them itself, as fakeQuantized makes it? */
export function isTooLargeInside(network: Network): boolean {
  return networkWeights(network).reduce((sum, { shape }) => sum + 4 * product(shape), 0) > MOST_FLOAT_BYTES;
}

export interface Expected {
  /** The original. */
  model: ModelProto;
  path: string;
  network: Network;
  /** Of the original; absent where `model` has them in line, or has none. */
  branches?: Branches;
  /** One per weight of networkWeights. */
  storages: readonly WeightStorage[];
}
