/** Rounding a network's weights, layer by layer in network order, on inputs from the layers already quantized. */
import type { RoundingMethod } from '../../../core/rounding/problem';
import { storageCode } from '../../../common/storageCode';
import type { RoundingTools } from '../../../core/rounding/rows';
import { Graph } from '../../../onnx/graph/graph';
import { neededFor } from '../../../onnx/graph/subgraph';
import type { Layer, Network } from '../../../onnx/network/network';
import { directionsOf, isRecurrent } from '../../../onnx/network/recurrent';
import { unpackedTensor } from '../../../onnx/packing/dequantize';
import type { CodeBits } from '../../../onnx/packing/planes';
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import type { StoredWeight } from '../../../onnx/packing/storedWeight';
import { type HeldTensor, heldTensors } from '../../../onnx/packing/weights';
import { weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto, TensorProto } from '../../../onnx/proto/onnx_pb';
import { dimsOf, readFloats } from '../../../onnx/proto/tensors';
import type { Devices } from '../devices/adaptiveSession';
import type { Job } from '../job/job';
import { refuseDamage } from '../ort/damagedWeights';
import { openMatMul } from '../ort/matmul';
import type { Feeds } from '../ort/session';
import { span } from '../job/trace';
import { hiddenStates } from './hiddenStates';
import type { Im2colLayer } from './im2col';
import type { Feeding, KeptLayers } from './keptLayers';
import { isCheapFromInputs, layerMoments } from './moments';
import type { Tensors } from './positions';
import { LayerwiseRun } from './layerwiseRun';
import { residualOf } from './residual';
import { outputLayout } from './responses';
import { inputPowers } from './wideLayers';
import { roundWeight, shrink, type WeightToRound } from './roundWeight';
import { gatherRows, layerRows, storedRows, viewWeights } from './rows';

export interface RoundingWork {
  /** The model as samples are run through it (its batch may have been opened). */
  model: ModelProto;
  network: Network;
  path: string;
  /** One per function. */
  bits: readonly number[];
  /** One per function: inputs that share a scale, 0: all; default: all. */
  groups?: readonly number[];
  /** Per weight that integer layers read, the most bits of its codes. */
  widest?: ReadonlyMap<string, CodeBits> | null;
  method: RoundingMethod;
  roundScale: RoundingTools['roundScale'];
  /** Per block, calibration samples; not read for 'nearest'. */
  inputs: readonly Feeds[];
  job: Job;
  /** For the statistics; absent: the CPU. */
  devices?: Devices;
  /** Layers without second moments; see momentsMemory. */
  wide?: ReadonlySet<string>;
  /** Layers of earlier runs; absent: every layer is rounded. */
  kept?: KeptLayers | null;
  onProgress(done: number, all: number, name: string): void;
}

/** One per weight of networkWeights, in its order. */
export async function roundNetwork(work: RoundingWork): Promise<WeightStorage[]> {
  const { model, network, bits, widest, path } = work;
  const weights = networkWeights(network, work.groups);
  const held = heldTensors(model.graph!);
  const storages = new Map<string, WeightStorage>();
  const read = async (name: string) => {
    const { tensor } = held.get(name)!;
    const values = await readFloats(tensor, path);
    refuseDamage(values, { name, dims: dimsOf(tensor), path });
    return values;
  };
  const todo: WeightToRound[] = [];
  for (const weight of weights) {
    const width = bits[weight.owner];
    if (width === 32) storages.set(weight.tensor, { tensor: weight.tensor, bits: 32 });
    else if (width === 16)
      storages.set(weight.tensor, { tensor: weight.tensor, bits: 16, values: await read(weight.tensor) });
    else {
      const most = widest?.get(weight.tensor);
      // Integer kernels take one scale an output.
      const group = most === undefined ? weight.group : undefined;
      const positive = most !== undefined;
      todo.push({ ...weight, group, positive, bits: Math.min(width, most ?? 8) as CodeBits });
    }
  }
  if (work.method === 'nearest') {
    for (const [index, weight] of todo.entries()) {
      await work.job.checkpoint();
      work.onProgress(index, todo.length, weight.tensor);
      const layer = layersOf(network, weight.tensor)[0];
      const rows = storedRows(layer, weight.group);
      storages.set(weight.tensor, await roundWeight(work, weight, rows, await read(weight.tensor), {}, {}));
    }
  } else await roundOnInputs(work, todo, storages, held);
  return weights.map(({ tensor }) => storages.get(tensor)!);
}

async function roundOnInputs(
  work: RoundingWork,
  todo: WeightToRound[],
  storages: Map<string, WeightStorage>,
  held: ReadonlyMap<string, HeldTensor>,
): Promise<void> {
  const { model, network, path, job, method } = work;
  const graph = new Graph(model.graph!);
  const replaced = new Map<string, TensorProto>();
  const replace = (weight: StoredWeight) => {
    const unpacked = unpackedTensor(weight, storages.get(weight.tensor)!);
    if (unpacked) replaced.set(weight.tensor, unpacked);
  };
  for (const weight of networkWeights(network)) if (storages.has(weight.tensor)) replace(weight);
  const quantized = new LayerwiseRun(model, graph, path, job, work.inputs);
  const float = method === 'reconstruct' ? new LayerwiseRun(model, graph, path, job, work.inputs) : null;
  const fast = await openMatMul();
  try {
    const steps = stepsOf(network, graph, todo);
    for (const [index, { weight, layer, position }] of steps.entries()) {
      await job.checkpoint();
      work.onProgress(index, steps.length, layer.node);
      const residual = method === 'reconstruct' ? residualOf(graph, layer, position) : null;
      const feeding = work.kept
        ? feedingOf(graph, [layer.input, ...(residual ? [residual] : [])], storages)
        : [];
      const known = await work.kept?.get(weight, feeding);
      if (known) {
        storages.set(weight.tensor, known);
        replace(weight);
        continue;
      }
      const values = await readFloats(held.get(weight.tensor)!.tensor, path);
      const unfolded = layer.picks ? null : await im2colLayer(model, graph, layer, position, path);
      const rows = unfolded?.rows ?? storedRows(layer, weight.group);
      const isWide = work.wide?.has(layer.node) ?? false;
      if (!layer.picks) await span('prefix', () => quantized.advance(position, replaced), layer.node);
      const seen = unfolded && !isWide && (await inputsOf(unfolded, quantized, replaced));
      // Where the layer's output is not to be read, the float network stops before the layer: what follows is fused with it.
      const output =
        seen && float && (residual !== null || !(await isCheapFromInputs(unfolded, seen, path)))
          ? await outputLayout(unfolded, graph, held, path)
          : null;
      if (!layer.picks) {
        const until = output ? position + 1 : position;
        const wanted = output ? [layer.output, layer.input] : [];
        await span('float prefix', () => float?.advance(until, new Map(), wanted), layer.node);
      }
      const sums =
        seen &&
        (await layerMoments(
          unfolded,
          seen,
          float && {
            tensors: output ? float : await inputsOf(unfolded, float, new Map()),
            weights: Float32Array.from(gatherRows(values, rows)),
            output,
            residual:
              output && float && residual !== null && fits(quantized, float, layer.output, residual)
                ? residual
                : null,
          },
          path,
          job,
          work.devices,
        ));
      if (sums && sums.marginals) shrink(sums, gatherRows(values, rows));
      if (!unfolded && !layer.picks)
        job.log('info', `${layer.node}: its layout allows rounding to nearest only.`);
      const powers = unfolded && isWide ? inputPowers(unfolded, quantized) : null;
      const inputs = { ...(sums || {}), powers };
      const tools = { ...fast, span };
      const rounded = await span(
        'round',
        () => roundWeight(work, weight, rows, values, inputs, tools),
        layer.node,
      );
      storages.set(weight.tensor, rounded);
      replace(weight);
      await work.kept?.put(rounded, feeding);
    }
  } finally {
    await fast.close();
  }
}

/** Weights in the order in which their layers run; one that several layers share is rounded for the first of them. */
export function stepsOf<W extends StoredWeight>(
  network: Network,
  graph: Graph,
  weights: readonly W[],
): { weight: W; layer: Layer; position: number }[] {
  return weights
    .map((weight) => {
      const layers = layersOf(network, weight.tensor).map((layer) => ({
        layer,
        position: graph.producerIndex(layer.output)!,
      }));
      return { weight, ...layers.reduce((a, b) => (b.position < a.position ? b : a)) };
    })
    .sort((a, b) => a.position - b.position);
}

/** Whether the residual has the shape of the layer's output in every block, so that nothing is broadcast. */
function fits(quantized: Tensors, float: Tensors, output: string, residual: string): boolean {
  return Array.from({ length: float.blockCount }).every((_, block) => {
    const dims = float.tensor(block, output).dims.join();
    return [float, quantized].every((side) => side.tensor(block, residual).dims.join() === dims);
  });
}

/** What the layer's weights meet. */
export async function inputsOf(
  { layer, node }: Im2colLayer,
  prefix: LayerwiseRun,
  replaced: ReadonlyMap<string, TensorProto>,
): Promise<Tensors> {
  return layer.readsHidden ? hiddenStates(node, prefix, replaced) : prefix;
}

/** The weights on the way to what a layer is rounded on that are not the float network's. */
function feedingOf(graph: Graph, inputs: string[], storages: ReadonlyMap<string, WeightStorage>): Feeding[] {
  const { tensors } = neededFor(graph.proto, inputs);
  return [...storages.values()]
    .filter(({ tensor, bits }) => bits !== 32 && tensors.has(tensor))
    .map(
      (each) =>
        [each.tensor, storageCode(each.bits, 'group' in each ? each.group?.size : undefined)] as const,
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Null where rows of the layer share scales, so that each cannot be rounded on its own. */
export async function im2colLayer(
  model: ModelProto,
  graph: Graph,
  layer: Layer,
  position: number,
  path: string,
): Promise<Im2colLayer | null> {
  const node = graph.order[position];
  if (isRecurrent(layer.op) && directionsOf(node) === null) return null;
  const view = await viewWeights(model, graph, layer, node, {
    provider: 'cpu',
    folder: weightsFolder(path),
    model: path,
  });
  const rows = layerRows(layer, node, view);
  if (!rows) return null;
  const convolution = layer.op === 'Conv' || layer.op === 'ConvTranspose';
  const transposed = node.attribute.some(({ name, i }) => name === 'transA' && i === 1n);
  const transposedB = node.attribute.some(({ name, i }) => name === 'transB' && i === 1n);
  const columnsLast = view.left ? layer.op === 'Gemm' && transposedB : !transposed;
  const kernel = convolution ? view.shape.slice(2) : [];
  return { layer, node, kernel, left: view.left, columnsLast, rows, views: new Map() };
}

function layersOf(network: Network, tensor: string): Layer[] {
  return network.functions.flatMap(({ layers }) => layers.filter(({ weight }) => weight === tensor));
}
