/** A model with its weights stored at 2 to 8 bits (or as float16), everything else as it was. */
import { roundToFloat16 } from '../proto/float16';
import { OnnxError } from '../../common/fileErrors';
import { addedNames, type AddedNames } from '../graph/addedNames';
import { editBodies } from '../graph/bodies';
import { type ConstantForm, type GraphPart, partInto } from '../graph/graphPart';
import type { Branches } from '../network/network';
import { type ScaleAxes, scaleCount } from '../network/scaleAxes';
import { type GraphProto, GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import type { ActivationPlan } from '../qdq/activationPlan';
import { insertActivations } from '../qdq/insert';
import type { WeightForms } from './forms';
import { checkCodes, type CodeBits } from './planes';
import { readerFinder, type WeightReaders } from './rowPickers';
import { recorded } from './record';
import { sharedPart } from './tableParts';
import { sortShared } from './tables';
import type { StorageForm, StoredWeight, UnpackedAs } from './storedWeight';
import { product } from '../proto/dims';
import { codesName, halfPart, isWiderThanHalf } from './unpack';
import type { UnpackPart } from './unpackWriter';
import { storedPart } from './storedPart';
import { tensorFinder } from './weights';

/** codes: two's complement, in the tensor's own order; scales: see ScaleAxes. Weight = code * scale. */
export interface CodeStorage extends Omit<ScaleAxes, 'shape'> {
  tensor: string;
  bits: CodeBits;
  codes: Int8Array;
  scales: Float32Array;
}

/** What to store for one weight tensor. */
export type WeightStorage =
  | CodeStorage
  /** The tensor's values, to be rounded to float16. */
  | { tensor: string; bits: 16; values: Float32Array }
  /** Left as it is. */
  | { tensor: string; bits: 32 };

export interface QuantizeOptions {
  scaleType: 'float32' | 'float16';
  /** Kept in the file: the configuration's SHA-256 (hex) and the bits of each function in network order. */
  record?: { config: string; bits: number[] };
  /** Through which the network was found that the weights are of. */
  branches?: Branches;
  /** Layers that run on integers, and the activations between them. */
  activations?: ActivationPlan;
  /** Weights that are not stored as bit planes. */
  forms?: WeightForms;
}

/**
 * Rewrites `model` (which is left alone) so that each weight is stored as asked. `weights` lists every weight of the
 * network in network order, those that stay as they are included: the list's length and order decide the added names.
 * Throws OnnxError for a tensor that the file does not hold, RangeError for codes or scales that do not fit.
 */
export function quantizeModel(
  model: ModelProto,
  weights: readonly WeightStorage[],
  options: QuantizeOptions,
): ModelProto {
  const source = graphOf(model);
  const names = addedNames(source, weights.length);
  const form = storageForm(model, names, options.scaleType);
  const find = tensorFinder(model, options.branches);
  const readersOf = readerFinder(model, options.forms);
  const integer = new Set(options.activations?.layers.map(({ layer }) => layer.weight));
  const codes = new Map<string, string>();
  // What replaces the weights of the main graph, and of each branch that holds some: scopes of their own.
  const parts = new Map<GraphProto, UnpackPart[]>([[source, []]]);
  const replaced = new Map<GraphProto, Set<string>>([[source, new Set()]]);
  for (const [index, weight] of weights.entries()) {
    if (weight.bits === 32) continue;
    const held = find(weight.tensor);
    if (!held) throw new OnnxError(`The model holds no tensor "${weight.tensor}" to quantize.`);
    const { tensor, body, name } = held;
    const own = (n: number) => names.forWeight(index, n);
    const as = integer.has(weight.tensor) ? 'codes' : 'weight';
    if (as === 'codes') codes.set(weight.tensor, codesName(own));
    const part = weightPart(
      { ...weight, tensor: name },
      tensor.dims.map(Number),
      tensor.dataType,
      own,
      form,
      as,
      readersOf(body, name),
    );
    if (!part) continue;
    const gone = replaced.get(body) ?? new Set();
    if (gone.has(name)) throw new RangeError(`Weight ${weight.tensor} is listed twice.`);
    replaced.set(body, gone.add(name));
    parts.set(body, [...(parts.get(body) ?? []), part]);
  }

  const all = [...parts.values()].flat();
  const shared: GraphPart[] = sortShared(all.flatMap((part) => part.needs)).map((key) =>
    sharedPart(key, names.shared, form.opset),
  );
  const edits = new Map(
    [...parts].map(([body, own]) => [
      body,
      (before: GraphProto) => {
        const after = withoutTensors(before, replaced.get(body)!);
        for (const { picked } of own) after.node = after.node.flatMap((node) => picked.get(node) ?? [node]);
        if (body === source && options.activations) {
          const name = (tensor: string) => codes.get(tensor)!;
          insertActivations(after, options.activations, { kind: 'codes', name }, names, form.constants);
        }
        partInto(after, body === source ? [...shared, ...own] : own, form.constants);
        return after;
      },
    ]),
  );
  const graph = editBodies(source, edits);

  const metadataProps = options.record
    ? recorded(model.metadataProps, options.record, options.activations?.record)
    : model.metadataProps;
  return shallowCopy(ModelProtoSchema, model, { graph, metadataProps });
}

/** A copy of the graph that holds these tensors no more. */
function withoutTensors(graph: GraphProto, names: ReadonlySet<string>): GraphProto {
  return shallowCopy(GraphProtoSchema, graph, {
    node: graph.node.filter((node) => !(node.opType === 'Constant' && names.has(node.output[0]))),
    initializer: graph.initializer.filter((tensor) => !names.has(tensor.name)),
    input: graph.input.filter((input) => !names.has(input.name)),
  });
}

/** How this model's weights are stored: what its versions allow. Throws OnnxError below opset 7. */
export function storageForm(
  model: ModelProto,
  names: AddedNames,
  scaleType: 'float32' | 'float16',
): StorageForm {
  const opset = Number(model.opsetImport.find(({ domain }) => !domain || domain === 'ai.onnx')?.version ?? 1);
  if (opset < 7) {
    throw new OnnxError(
      `The model uses opset ${opset}, too old to unpack weights in: convert it to opset 13 or later (onnx.version_converter).`,
    );
  }
  const constants: ConstantForm = Number(model.irVersion) < 4 ? 'node' : 'initializer';
  return { scaleType, opset, constants, shared: names.shared };
}

/** A model's graph, or an OnnxError where it has none. */
export function graphOf(model: ModelProto): GraphProto {
  if (!model.graph) throw new OnnxError('The model has no graph.');
  return model.graph;
}

/** Null where the tensor stays as it is. */
function weightPart(
  weight: Exclude<WeightStorage, { bits: 32 }>,
  shape: number[],
  dataType: number,
  names: (n: number) => string,
  form: StorageForm,
  as: UnpackedAs,
  readers: WeightReaders,
): UnpackPart | null {
  const count = product(shape);
  const missing = () => {
    throw new RangeError(`Weight ${weight.tensor}: no such content at ${weight.bits} bits.`);
  };
  if (weight.bits === 16) {
    if (!isWiderThanHalf(dataType)) return null;
    if (weight.values.length !== count) {
      throw new RangeError(`Weight ${weight.tensor}: ${weight.values.length} values for ${count} elements.`);
    }
    const stored: StoredWeight = { tensor: weight.tensor, shape, dataType, axis: 0 };
    const content = { values: () => weight.values, codes: missing, scales: missing };
    return halfPart(stored, names, content, readers);
  }
  const { codes, scales, axis, apart, group } = weight;
  if (codes.length !== count || scales.length !== scaleCount({ shape, axis, apart, group })) {
    throw new RangeError(
      `Weight ${weight.tensor}: ${codes.length} codes and ${scales.length} scales do not fit shape [${shape.join(', ')}].`,
    );
  }
  checkCodes(codes, weight.bits);
  const stored: StoredWeight = { tensor: weight.tensor, shape, dataType, axis, apart, group };
  const content = { codes: () => codes, scales: () => scales, values: missing };
  return storedPart(stored, weight.bits, names, formFor(form, scales), content, as, readers);
}

/** Scales that float16 cannot hold stay float32, in this weight alone. */
function formFor(form: StorageForm, scales: Float32Array): StorageForm {
  const fits = form.scaleType === 'float32' || scales.every((scale) => roundToFloat16(scale) === scale);
  return fits ? form : { ...form, scaleType: 'float32' };
}
