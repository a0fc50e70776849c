/** The last check before a written file is handed over: it computes exactly what the rounded weights compute. */
import { readFile } from 'node:fs/promises';
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { describeProducts } from '../../../common/integerProduct';
import { Likeness } from '../../../core/metrics';
import { serialize } from '../../../onnx/graph/subgraph';
import { type Expected, fakeQuantized } from '../../../onnx/packing/fakeQuantize';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto } from '../../../onnx/proto/onnx_pb';
import { processor } from '../devices/processor';
import { EngineFault } from '../job/faults';
import { type Feeds, Session } from '../ort/session';

/** Above this, it does not matter by how little quantized activations changed an output. */
const ALIKE_DB = 40;

/** @throws EngineFault that says which output differs, and by how much. */
export async function verify(path: string, expected: Expected, samples: Feeds): Promise<void> {
  const written = await outputsOf(await readFile(path), path, samples);
  const wanted = await outputsOf(serialize(fakeQuantized(expected)), expected.path, samples);
  for (const [name, tensor] of Object.entries(wanted)) {
    const difference = largestDifference(tensor, written[name]);
    if (difference === null) continue;
    throw new EngineFault(
      `The quantized model was not kept: its output "${name}" differs from that of the rounded weights by up to ${difference.toPrecision(3)}. Please report this with the model's name.`,
    );
  }
}

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
  const bytes = await readFile(path);
  const wanted = await outputsOf(serialize(emulation), expected.path, samples, true);
  const weightsOnly = await outputsOf(serialize(fakeQuantized(expected)), expected.path, samples);
  const difference = furtherThan(weightsOnly, wanted, await outputsOf(bytes, path, samples));
  if (difference === null) return;
  const literally = await outputsOf(bytes, path, samples, true);
  const cause = furtherThan(weightsOnly, wanted, literally) === null ? ` ${await kernelsSentence()}` : '';
  throw new EngineFault(
    `The quantized model was not kept: ${difference}.${cause} Please report this with the model's name, or export its weights only.`,
  );
}

/** What the written file's outputs are off by, if by more than quantizing activations changed; null: they are not. */
function furtherThan(weightsOnly: Feeds, wanted: Feeds, written: Feeds): string | null {
  for (const [name, tensor] of Object.entries(wanted)) {
    if (!isFloat(tensor.type)) continue;
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

async function outputsOf(bytes: Uint8Array, path: string, samples: Feeds, literal = false): Promise<Feeds> {
  const options = { provider: 'cpu' as const, folder: weightsFolder(path), model: path, literal };
  const session = await Session.open(bytes, options);
  try {
    return await session.runTensors(samples);
  } finally {
    await session.close();
  }
}

/** Null where the tensors are equal bit for bit. */
function largestDifference(a: Feeds[string], b: Feeds[string] | undefined): number | null {
  const bytes = ({ data }: Feeds[string]) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (b && a.dims.join() === b.dims.join() && bytes(a).equals(bytes(b))) return null;
  let largest = b && a.data.length === b.data.length ? 0 : Infinity;
  for (let i = 0; b && i < a.data.length; i++) {
    largest = Math.max(largest, Math.abs(Number(a.data[i]) - Number(b.data[i])) || 0);
  }
  return largest;
}
