/** The last check before a written file is handed over: it computes exactly what the rounded weights compute. */
import { readFile } from 'node:fs/promises';
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { describeProducts } from '../../../common/integerProduct';
import { Likeness } from '../../../core/metrics';
import { readModel } from '../../../onnx/files/file';
import { isRandom, seeded } from '../../../onnx/graph/seeded';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import { type OutputPlan, planOutputs } from '../../../onnx/network/outputs';
import { type Expected, fakeQuantized } from '../../../onnx/packing/fakeQuantize';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto } from '../../../onnx/proto/onnx_pb';
import { processor } from '../devices/processor';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { type Feeds, Session } from '../ort/session';
import { verifyWeights } from './verifyWeights';

/** Above this, it does not matter by how little quantized activations changed an output. */
const ALIKE_DB = 40;
/** The same sums in another order. */
const REORDERED_DB = 60;
/** At least so much signal over noise is kept by products on packed weights, which may round what they read to 8 bits. */
const PACKED_DB = 20;
/** Numbers of an output that may all be equal by chance. */
const FEW = 16;

/**
 * The written file against the rounded weights in the original's place: equal, bit for bit.
 * @throws EngineFault that says which output differs, and by how much
 */
export async function verify(path: string, expected: Expected, samples: Feeds): Promise<void> {
  const names = verifiedNames(expected);
  const written = await outputsOfFile(path, expected, names, samples);
  const wanted = await outputsOf(fakeQuantized(expected), expected.path, names, samples);
  for (const [name, tensor] of Object.entries(wanted)) {
    const difference = largestDifference(tensor, written[name]);
    if (difference === null) continue;
    throw new EngineFault(
      `The quantized model was not kept: its output "${name}" differs from that of the rounded weights by ${difference === Infinity ? 'more than rounding' : `up to ${difference.toPrecision(3)}`}. Please report this with the model's name.`,
    );
  }
  await refuseDead(expected, written, samples);
}

/**
 * A file with packed weights. Its weights are the rounded ones, bit for bit; without fused kernels its outputs are theirs but
 * for the order of sums; with the kernels that ONNX Runtime fuses, which may round activations to 8 bits, they keep within
 * PACKED_DB.
 * @returns signal over noise of the furthest output with fused kernels, in dB
 * @throws EngineFault that says which output differs, and by how much
 */
export async function verifyPacked(
  path: string,
  expected: Expected,
  packed: ReadonlySet<string>,
  samples: Feeds,
  job: Job,
): Promise<number> {
  await verifyWeights(path, expected, job, packed);
  const names = verifiedNames(expected);
  const wanted = await outputsOf(fakeQuantized(expected), expected.path, names, samples);
  const literally = await outputsOfFile(path, expected, names, samples, true);
  refuseFurther(literally, wanted, REORDERED_DB, 'without fused kernels');
  const written = await outputsOfFile(path, expected, names, samples);
  const furthest = refuseFurther(written, wanted, PACKED_DB, 'with the kernels that ONNX Runtime fuses');
  await refuseDead(expected, written, samples);
  return furthest;
}

/** Least signal over noise of the float outputs, in dB; other outputs follow from these. */
function refuseFurther(written: Feeds, wanted: Feeds, least: number, how: string): number {
  let furthest = Infinity;
  for (const [name, tensor] of Object.entries(wanted)) {
    const found = written[name] as Feeds[string] | undefined;
    if (!isFloat(tensor.type) || found?.data.length !== tensor.data.length) continue;
    const likeness = new Likeness();
    likeness.add(numbers(tensor), numbers(found));
    furthest = Math.min(furthest, likeness.sqnrDb);
    if (likeness.sqnrDb >= least) continue;
    throw new PackedFault(
      `The quantized model was not kept: ${how} its output "${name}" is ${likeness.sqnrDb.toFixed(1)} dB from that of the rounded weights, where ${least} dB are asked for; export it with --form planes.`,
    );
  }
  return furthest;
}

/** Packed weights are not for this model. */
export class PackedFault extends EngineFault {}

/**
 * Integer kernels round where floats do not, so a few activations land on the next step: the written file may differ from
 * the same numbers computed in floats, but by less than quantizing its activations changed.
 * @param emulation the original with quantized weights and activations, as floats
 * @throws EngineFault that says which output differs, and by how much
 */
export async function verifyIntegers(
  path: string,
  expected: Expected,
  emulation: ModelProto,
  samples: Feeds,
): Promise<void> {
  const names = planOf(expected).compared.map(({ tensor }) => tensor);
  const wanted = await outputsOf(emulation, expected.path, names, samples, true);
  const weightsOnly = await outputsOf(fakeQuantized(expected), expected.path, names, samples);
  const written = await outputsOfFile(path, expected, names, samples);
  const difference = furtherThan(weightsOnly, wanted, written);
  if (difference === null) return refuseDead(expected, written, samples);
  const literally = await outputsOfFile(path, expected, names, samples, true);
  const cause = furtherThan(weightsOnly, wanted, literally) === null ? ` ${await kernelsSentence()}` : '';
  throw new EngineFault(
    `The quantized model was not kept: ${difference}.${cause} Please report this with the model's name, or export its weights only.`,
  );
}

/** What the written file's outputs are off by, if by more than quantizing activations changed; null: they are not. */
function furtherThan(weightsOnly: Feeds, wanted: Feeds, written: Feeds): string | null {
  for (const [name, tensor] of Object.entries(wanted)) {
    const found = written[name] as Feeds[string] | undefined;
    if (found?.data.length !== tensor.data.length) {
      return `its output "${name}" has another shape than the original's`;
    }
    const [change, error] = [new Likeness(), new Likeness()];
    change.add(numbers(weightsOnly[name]), numbers(tensor));
    error.add(numbers(tensor), numbers(found));
    if (error.sqnrDb >= Math.min(change.sqnrDb, ALIKE_DB)) continue;
    return `its output "${name}" differs from that of the same numbers in floats by ${error.sqnrDb.toFixed(1)} dB, where quantized activations change it by ${change.sqnrDb.toFixed(1)} dB`;
  }
  return null;
}

/** For a file that is right without integer kernels. */
async function kernelsSentence(): Promise<string> {
  const { name, products } = await processor();
  return `Without integer kernels the file is right, so those that ONNX Runtime has for this processor are the cause (${name}; products of 8-bit integers: ${describeProducts(products)}).`;
}

/**
 * An output that says nothing any more is no quantized version of one that does, however well the file was written.
 * @throws EngineFault that says which output died
 */
async function refuseDead(expected: Expected, written: Feeds, samples: Feeds): Promise<void> {
  const names = Object.keys(written).filter((name) => isDead(written[name]));
  if (names.length === 0) return;
  const original = await outputsOf(expected.model, expected.path, names, samples);
  const dead = names.find((name) => !isDead(original[name]));
  if (dead === undefined) return;
  throw new EngineFault(
    `The quantized model was not kept: its output "${dead}" is the same number throughout (or none), where the original's is not; allow more bits.`,
  );
}

/** Floats that are not numbers, or all one; a few numbers can be equal by chance. */
function isDead({ type, data }: Feeds[string]): boolean {
  if (!isFloat(type) || data.length < FEW) return false;
  const values = numbers({ type, data, dims: [] } as Feeds[string]);
  const isNumber = (value: number) => !Number.isNaN(value);
  const first = Array.prototype.find.call(values, isNumber) as number | undefined;
  return first === undefined || Array.prototype.every.call(values, (value: number) => value === first);
}

function planOf({ model, network }: Expected): OutputPlan {
  return planOutputs(model, network);
}

/** The model's own outputs; in place of one that is no tensor, what it is made from. */
function verifiedNames(expected: Expected): string[] {
  const { outputs, fetchable } = planOf(expected);
  return [...new Set(outputs.flatMap(({ name, tensors }) => (fetchable.includes(name) ? [name] : tensors)))];
}

/** The written file, its bytes as they are where its own outputs can be fetched and it draws no random numbers. */
async function outputsOfFile(
  path: string,
  { model }: Expected,
  names: readonly string[],
  samples: Feeds,
  literal = false,
): Promise<Feeds> {
  const own = model.graph!.output.map(({ name }) => name);
  if (!isRandom(model) && own.length === names.length && own.every((name) => names.includes(name)))
    return run(await readFile(path), path, samples, literal);
  return outputsOf(await readModel(path), path, names, samples, literal);
}

function outputsOf(
  model: ModelProto,
  path: string,
  names: readonly string[],
  samples: Feeds,
  literal = false,
): Promise<Feeds> {
  return run(serialize(returning(seeded(model), names)), path, samples, literal);
}

async function run(bytes: Uint8Array, path: string, samples: Feeds, literal = false): Promise<Feeds> {
  const options = { provider: 'cpu' as const, folder: weightsFolder(path), model: path, literal };
  const session = await Session.open(bytes, options);
  try {
    return await session.runTensors(samples);
  } finally {
    await session.close();
  }
}

/** Null where the tensors are equal bit for bit; Infinity where no number says how far they are apart. */
function largestDifference(a: Feeds[string], b: Feeds[string] | undefined): number | null {
  if (!b || a.dims.join() !== b.dims.join()) return Infinity;
  const isText = Array.isArray(a.data) || Array.isArray(b.data);
  if (isText) return Array.prototype.every.call(a.data, (text, i) => text === b.data[i]) ? null : Infinity;
  const bytes = ({ data }: Feeds[string]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes(a).equals(bytes(b))) return null;
  let largest = 0;
  for (let i = 0; i < a.data.length; i++) {
    largest = Math.max(largest, Math.abs(Number(a.data[i]) - Number(b.data[i])) || 0);
  }
  return largest;
}
