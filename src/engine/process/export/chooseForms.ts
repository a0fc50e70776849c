/** Which weights of an export are written packed, by what their layers see of the inputs. */
import { raiseModel } from '../../../onnx/canonical/opsets';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import type { Expected } from '../../../onnx/packing/fakeQuantize';
import { type FormChoice, packedForms, type WeightForm, type WeightForms } from '../../../onnx/packing/forms';
import { networkWeights } from '../../../onnx/packing/size';
import { opsetOf } from '../../../onnx/proto/attributes';
import { product } from '../../../onnx/proto/dims';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto, ModelProtoSchema } from '../../../onnx/proto/onnx_pb';
import { shallowCopy } from '../../../onnx/proto/shallowCopy';
import { type Feeds, Session } from '../ort/session';

/** Older models are lifted as far as this; what later sets changed is not known here. */
const LIFTED = 21;
/** IR versions that brought integers of 4 and of 2 bits. */
const IR_VERSIONS: Record<number, bigint> = { 4: 10n, 2: 13n };

export interface ChosenForms {
  /** The model to be written, in the operator set that the forms ask for. */
  model: ModelProto;
  forms: WeightForms;
}

/** @param samples as the model will see them: rows are counted on them */
export async function chooseForms(
  choice: FormChoice,
  expected: Expected,
  samples: Feeds,
): Promise<ChosenForms> {
  const { model, network, storages } = expected;
  const none = { model, forms: new Map<string, WeightForm>() };
  const stored = networkWeights(network).map((weight, i) => {
    const { bits, ...storage } = storages[i];
    return { ...weight, ...('codes' in storage ? { group: storage.group } : {}), bits, rows: 1 };
  });
  const possible = packedForms(model, stored, choice);
  if (possible.size === 0) return none;
  const rows = choice === 'auto' ? await rowsOf(expected, possible, samples) : new Map<string, number>();
  const asked = packedForms(
    model,
    stored.map((weight) => ({ ...weight, rows: rows.get(weight.tensor) ?? null })),
    choice,
  );
  const opset = opsetOf(model);
  const least = Math.max(0, ...[...asked.values()].filter((each) => each <= Math.max(opset, LIFTED)));
  const raised = raiseModel(model, least) ?? model;
  const reached = opsetOf(raised);
  const forms = new Map<string, WeightForm>();
  for (const [tensor, needed] of asked) if (needed <= reached) forms.set(tensor, 'dq');
  if (forms.size === 0) return none;
  const widths = storages
    .filter(({ tensor }) => forms.has(tensor))
    .map(({ bits }) => IR_VERSIONS[bits] ?? 0n);
  const irVersion = widths.reduce((a, b) => (b > a ? b : a), raised.irVersion);
  return { model: shallowCopy(ModelProtoSchema, raised, { irVersion }), forms };
}

/** By tensor, the most rows that a layer multiplies with it in a run on the samples. */
async function rowsOf(
  { model, network, path }: Expected,
  tensors: ReadonlyMap<string, unknown>,
  samples: Feeds,
): Promise<Map<string, number>> {
  const layers = network.functions.flatMap((f) => f.layers).filter(({ weight }) => tensors.has(weight));
  const computed = new Set(layers.map(({ input }) => input).filter((name) => !Object.hasOwn(samples, name)));
  const found = { ...samples, ...(await computedTensors(model, [...computed], path, samples)) };
  const rows = new Map<string, number>();
  for (const { weight, input, channelAxis, weightShape } of layers) {
    const count = product(found[input].dims) / weightShape[1 - channelAxis];
    rows.set(weight, Math.max(count, rows.get(weight) ?? 0));
  }
  return rows;
}

async function computedTensors(
  model: ModelProto,
  names: readonly string[],
  path: string,
  samples: Feeds,
): Promise<Feeds> {
  if (names.length === 0) return {};
  const options = { provider: 'cpu' as const, folder: weightsFolder(path), model: path };
  const session = await Session.open(serialize(returning(model, names)), options);
  try {
    return await session.runTensors(samples);
  } finally {
    await session.close();
  }
}
