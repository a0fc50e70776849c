/** The last check before a written file is handed over: it computes exactly what the rounded weights compute. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Network } from '../onnx/network';
import type { WeightStorage } from '../onnx/quantized';
import type { ModelProto, TensorProto } from '../onnx/schema/onnx_pb';
import { networkWeights } from '../onnx/size';
import { unpackedTensor } from './exportWeights';
import { serialize, withGraph } from './heads';
import { EngineFault } from './job';
import { type Feeds, Session } from './runtime';

export interface Expected {
  /** The original. */
  model: ModelProto;
  path: string;
  network: Network;
  /** One per weight of networkWeights. */
  storages: readonly WeightStorage[];
}

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

async function outputsOf(bytes: Uint8Array, path: string, samples: Feeds): Promise<Feeds> {
  const session = await Session.open(bytes, { provider: 'cpu', folder: dirname(path), model: path });
  try {
    return await session.runTensors(samples);
  } finally {
    await session.close();
  }
}

/** The original with rounded values in place of its weights. */
export function fakeQuantized({ model, network, storages }: Expected): ModelProto {
  const replaced = new Map<string, TensorProto>();
  networkWeights(network).forEach((weight, index) => {
    const unpacked = unpackedTensor(weight, storages[index]);
    if (unpacked) replaced.set(weight.tensor, unpacked);
  });
  const graph = model.graph!;
  return withGraph(model, {
    node: graph.node.filter((node) => !node.output.some((name) => replaced.has(name))),
    initializer: [...graph.initializer.filter(({ name }) => !replaced.has(name)), ...replaced.values()],
    input: graph.input.filter(({ name }) => !replaced.has(name)),
  });
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
