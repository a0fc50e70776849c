/** What a quantized file will weigh, per function and width, before any weight is quantized. */
import { toBinary } from '@bufbuild/protobuf';
import { addedNames } from '../graph/addedNames';
import { fieldBytes, partBytes, tensorBytes } from '../graph/graphPart';
import { GROUP_SIZES, storageCode } from '../../common/storageCode';
import { scaleGroup } from '../network/groups';
import type { Branches, Layer, Network } from '../network/network';
import { allBodies } from '../proto/attributes';
import { isExternal } from '../proto/external';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import type { ActivationPlan } from '../qdq/activationPlan';
import { insertActivations } from '../qdq/insert';
import type { WeightForms } from './forms';
import type { CodeBits } from './planes';
import { graphOf, storageForm } from './quantizeModel';
import { recordBytes, recordBytesPerFunction, unrecorded } from './record';
import { readerFinder, type WeightReaders } from './rowPickers';
import { storedPart } from './storedPart';
import { sharedPart } from './tableParts';
import { type SharedKey, sharedKeys } from './tables';
import type { StoredWeight, UnpackedAs, WeightContent } from './storedWeight';
import { codesName, halfPart, isWiderThanHalf, unpackBytes } from './unpack';
import { heldBytes, tensorFinder, wholeTensorBytes } from './weights';

/** What the exported file will weigh. */
export interface SizeModel {
  /** Bytes that no choice changes; all look-up tables are counted here, needed or not (about 1.4 KB together). */
  fixedBytes: number;
  /** functionBytes[i][storageCode]: weights, scales and unpacking nodes of function i. A tensor shared by several functions is
   * counted in the first. */
  functionBytes: Record<number, number>[];
  /** Look-up tables and constants that layers share: what each weighs, and which ones function i needs at each width. */
  shared?: { bytes: number[]; needs: Record<number, number[]>[] };
}

/** Widths that a size is predicted for. */
const predictedWidths = [2, 3, 4, 5, 6, 7, 8, 16, 32] as const;

/**
 * Predicts the size of what quantizeModel writes for `network` (with a record), to within a few bytes: message lengths
 * that grow by a digit. Data in files beside the model counts as if it were inside. Cost: serializing the model without its weights.
 * `branches`: those that the network was found through. `integer`: weights that integer layers read, with the most bits of
 * their codes; what those layers and their activations add is activationBytes. `forms`: weights that are not stored as bit
 * planes.
 */
export function sizeModel(
  model: ModelProto,
  network: Network,
  options: {
    scaleType: 'float32' | 'float16';
    integer?: ReadonlyMap<string, CodeBits>;
    branches?: Branches;
    forms?: WeightForms;
  } = {
    scaleType: 'float32',
  },
): SizeModel {
  const graph = graphOf(model);
  const find = tensorFinder(model, options.branches);
  const readersOf = readerFinder(model, options.forms);
  const weights = networkWeights(network);
  const names = addedNames(graph, weights.length);
  const form = storageForm(model, names, options.scaleType);
  const shared = sharedKeys();
  const sharedBytes = shared.map((key) =>
    partBytes(sharedPart(key, names.shared, form.opset), form.constants),
  );

  const functionBytes = network.functions.map(() =>
    Object.fromEntries(predictedWidths.map((bits) => [bits, recordBytesPerFunction(bits)])),
  );
  const groups = network.functions.map(({ layers }) =>
    GROUP_SIZES.filter((size) => layers.some((layer) => scaleGroup(layer, size))),
  );
  network.functions.forEach((_, i) => {
    for (const [bits, group] of pairsOf(groups[i]))
      functionBytes[i][storageCode(bits, group)] = recordBytesPerFunction(bits);
  });
  const needs = functionBytes.map((byCode) =>
    Object.fromEntries(Object.keys(byCode).map((code) => [code, new Set<SharedKey>()])),
  );
  let fixedBytes =
    modelBytes(unrecorded(model)) + recordBytes() + sharedBytes.reduce((sum, bytes) => sum + bytes, 0);
  for (const [index, weight] of weights.entries()) {
    const held = find(weight.tensor)!;
    const now = heldBytes(held);
    const own = { ...weight, tensor: held.name };
    const readers = readersOf(held.body, held.name);
    fixedBytes -= now;
    const widest = options.integer?.get(weight.tensor);
    for (const bits of predictedWidths) {
      const as = widest === undefined ? 'weight' : 'codes';
      const stored = widest !== undefined && bits <= 8 ? (Math.min(bits, widest) as typeof bits) : bits;
      const part = predictedPart(own, stored, (n) => names.forWeight(index, n), form, as, readers);
      functionBytes[weight.owner][bits] += part ? unpackBytes(part, form.constants) : now;
      for (const key of part?.needs ?? []) needs[weight.owner][bits].add(key);
    }
    for (const [bits, size] of pairsOf(groups[weight.owner])) {
      const code = storageCode(bits, size);
      const grouped = { ...own, group: widest === undefined ? scaleGroup(weight.layer, size) : undefined };
      const stored = widest === undefined ? bits : (Math.min(bits, widest) as typeof bits);
      const as = widest === undefined ? 'weight' : 'codes';
      const part = predictedPart(grouped, stored, (n) => names.forWeight(index, n), form, as, readers)!;
      functionBytes[weight.owner][code] += unpackBytes(part, form.constants);
      for (const key of part.needs) needs[weight.owner][code].add(key);
    }
  }
  const positions = (keys: Set<SharedKey>) => [...keys].map((key) => shared.indexOf(key));
  return {
    fixedBytes,
    functionBytes,
    shared: {
      bytes: sharedBytes,
      needs: needs.map((widths) =>
        Object.fromEntries(Object.entries(widths).map(([bits, keys]) => [bits, positions(keys)])),
      ),
    },
  };
}

/** Size of the file at these bits (or storageCodes; one per function), tables counted only where needed. */
export function predictedBytes(size: SizeModel, bits: number[]): number {
  let sum = size.fixedBytes;
  const used = new Set<number>();
  for (const [index, width] of bits.entries()) {
    sum += size.functionBytes[index][width];
    for (const piece of size.shared?.needs[index][width] ?? []) used.add(piece);
  }
  for (const [piece, bytes] of (size.shared?.bytes ?? []).entries()) if (!used.has(piece)) sum -= bytes;
  return sum;
}

/** What integer layers and activations add to a file whose integer weights end as codes. */
export function quantizerFileBytes(model: ModelProto, plan: ActivationPlan, weights: number): number {
  const source = graphOf(model);
  const names = addedNames(source, weights);
  const { constants } = storageForm(model, names, 'float32');
  const integer = new Set(plan.layers.map(({ layer }) => layer.weight));
  const graph = shallowCopy(GraphProtoSchema, source, {
    initializer: source.initializer.filter(({ name }) => !integer.has(name)),
    node: source.node.filter(({ opType, output }) => opType !== 'Constant' || !integer.has(output[0])),
  });
  const before = modelBytes(shallowCopy(ModelProtoSchema, model, { graph }));
  insertActivations(
    graph,
    plan,
    { kind: 'codes', name: () => codesName((n) => names.forWeight(0, n)) },
    names,
    constants,
  );
  const added = modelBytes(shallowCopy(ModelProtoSchema, model, { graph })) - before;
  return added + recordBytes(plan.record) - recordBytes();
}

/** Every width with every group; of codes, not of floats. */
function pairsOf(groups: readonly number[]): [bits: CodeBits, group: number][] {
  return groups.flatMap((group) =>
    predictedWidths.flatMap((bits): [CodeBits, number][] => (bits > 8 ? [] : [[bits as CodeBits, group]])),
  );
}

export interface NetworkWeight extends StoredWeight {
  /** Index of the first function that reads it. */
  owner: number;
  /** The first layer that does. */
  layer: Layer;
}

/** Weight tensors in network order. @param groups per function, inputs that share a scale where the layer can have that */
export function networkWeights(network: Network, groups?: readonly number[]): NetworkWeight[] {
  const weights = new Map<string, NetworkWeight>();
  for (const [owner, { layers }] of network.functions.entries()) {
    for (const layer of layers) {
      const { weight, weightShape, weightType, channelAxis, apart } = layer;
      if (weights.has(weight)) continue;
      const group = scaleGroup(layer, groups?.[owner] ?? 0);
      weights.set(weight, {
        tensor: weight,
        shape: weightShape,
        dataType: weightType,
        axis: channelAxis,
        apart,
        ...(group ? { group } : {}),
        owner,
        layer,
      });
    }
  }
  return [...weights.values()];
}

const noContent: WeightContent = {
  codes: () => new Int8Array(0),
  scales: () => new Float32Array(0),
  values: () => new Float32Array(0),
};

function predictedPart(
  weight: StoredWeight,
  bits: (typeof predictedWidths)[number],
  names: (n: number) => string,
  form: ReturnType<typeof storageForm>,
  as: UnpackedAs,
  readers: WeightReaders,
) {
  if (bits === 32) return null;
  if (bits === 16)
    return isWiderThanHalf(weight.dataType) ? halfPart(weight, names, noContent, readers) : null;
  return storedPart(weight, bits satisfies CodeBits, names, form, noContent, as, readers);
}

/** Bytes of a model with all its data inside, without serializing large tensors. */
function modelBytes(model: ModelProto): number {
  const graph = graphOf(model);
  const emptied = shallowCopy(GraphProtoSchema, graph, { initializer: [] });
  let graphLength = toBinary(GraphProtoSchema, emptied).length;
  for (const tensor of graph.initializer) graphLength += fieldBytes(wholeTensorBytes(tensor));
  for (const body of allBodies(graph)) {
    for (const tensor of body.initializer) {
      if (isExternal(tensor)) graphLength += wholeTensorBytes(tensor) - tensorBytes(tensor, 0);
    }
  }
  const rest = toBinary(ModelProtoSchema, shallowCopy(ModelProtoSchema, model, { graph: undefined })).length;
  return rest + fieldBytes(graphLength);
}
