/** The last check of a file whose floats are too many to run it: weight by weight, and node by node. */
import { readModel } from '../../../onnx/files/file';
import { Graph } from '../../../onnx/graph/graph';
import { withGraph } from '../../../onnx/graph/subgraph';
import { takeBranches } from '../../../onnx/network/branches';
import type { Layer, Network } from '../../../onnx/network/network';
import { unpackedTensor } from '../../../onnx/packing/dequantize';
import type { Expected } from '../../../onnx/packing/fakeQuantize';
import { networkWeights } from '../../../onnx/packing/size';
import type { StoredWeight } from '../../../onnx/packing/storedWeight';
import { intAttribute } from '../../../onnx/proto/attributes';
import { type ModelProto, type NodeProto } from '../../../onnx/proto/onnx_pb';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { compute } from '../ort/compute';
import { type Feeds } from '../ort/session';

/**
 * Unpacks each weight of the written file by the file's own nodes and compares it bit for bit with the rounded one; all
 * other nodes must be the original's. Holds one weight at a time.
 * @param only these weights, and no other nodes
 * @throws EngineFault that names the weight or the node
 */
export async function verifyWeights(
  path: string,
  expected: Expected,
  job: Job,
  only?: ReadonlySet<string>,
): Promise<void> {
  const { branches, network, storages } = expected;
  const { model: written } = takeBranches(await readModel(path), branches);
  const graph = new Graph(written.graph!);
  const original = new Graph(takeBranches(expected.model, branches).model.graph!);
  const byTensor = new Map(storages.map((storage) => [storage.tensor, storage]));
  const layers = new Map(network.functions.flatMap((f) => f.layers).map((layer) => [layer.weight, layer]));
  for (const weight of networkWeights(network)) {
    await job.checkpoint();
    if (only && !only.has(weight.tensor)) continue;
    const wanted = unpackedTensor(weight, byTensor.get(weight.tensor)!);
    if (!wanted) continue;
    const whole = graph.producer(weight.tensor) ?? graph.stored(weight.tensor);
    const layer = layers.get(weight.tensor)!;
    const { data } = whole
      ? await compute(written, weight.tensor, path)
      : layer.picks
        ? await allRows(written, layer, weight, path)
        : await compute(written, graph.producer(layer.output)!.input[1], path);
    const isTurned = !whole && isTransposed(original.producer(layer.output)!);
    const found = Buffer.from(
      isTurned ? transposed(data as Float32Array, weight.shape).buffer : data.buffer,
      isTurned ? 0 : data.byteOffset,
      data.byteLength,
    );
    if (found.equals(wanted.rawData)) continue;
    throw new EngineFault(
      `The quantized model was not kept: its weights "${weight.tensor}" are not the rounded ones. Please report this with the model's name.`,
    );
  }
  if (only) return;
  const lost = lostNode(original, network, graph);
  if (lost !== null) {
    throw new EngineFault(
      `The quantized model was not kept: its node "${lost}" is not the original's. Please report this with the model's name.`,
    );
  }
}

/** A table of which the file unpacks only the rows that are picked: all of them are. */
function allRows(
  model: ModelProto,
  layer: Layer,
  { shape }: StoredWeight,
  path: string,
): Promise<Feeds[string]> {
  const graph = model.graph!;
  const cut = withGraph(model, {
    node: graph.node.filter(({ output }) => !output.includes(layer.input)),
  });
  const rows = {
    type: 'int64' as const,
    data: BigInt64Array.from({ length: shape[0] }, (_, i) => BigInt(i)),
  };
  return compute(cut, layer.output, path, { feeds: { [layer.input]: { ...rows, dims: [shape[0]] } } });
}

function isTransposed(node: NodeProto): boolean {
  return intAttribute(node, 'transB', 0) !== 0;
}

/** What lies packed as [inputs, outputs], as the original holds it. */
function transposed(values: Float32Array, [outputs, inputs]: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++)
    result[(i % outputs) * inputs + Math.floor(i / outputs)] = values[i];
  return result;
}

/** Name of the first node of the original that the written graph has changed; null: none. */
function lostNode(original: Graph, network: Network, written: Graph): string | null {
  const tables = new Set(network.functions.flatMap((f) => f.layers.map(({ weight }) => weight)));
  for (const [index, node] of original.order.entries()) {
    const touched = [...node.input, ...node.output].some((name) => tables.has(name));
    const other = written.producer(node.output.find((name) => name !== '') ?? '');
    if (touched && other) continue;
    if (touched && node.output.every((name) => tables.has(name))) continue;
    const same = other?.opType === node.opType && other.input.join('\n') === node.input.join('\n');
    if (!same) return original.nodeNames[index];
  }
  return null;
}
