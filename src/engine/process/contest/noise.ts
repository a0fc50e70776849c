/** How much of a function's output is noise when only its own weights are quantized: what noise-aware allocation needs. */
import { bitsOf, groupOf, storageCode } from '../../../common/storageCode';
import { compensatedPowers } from '../../../core/rounding/compensation';
import type { RoundingMethod } from '../../../core/rounding/problem';
import { Graph } from '../../../onnx/graph/graph';
import { scaleGroup } from '../../../onnx/network/groups';
import type { Layer, Network, NetworkFunction } from '../../../onnx/network/network';
import type { CodeBits } from '../../../onnx/packing/planes';
import type { CodeStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import { heldTensors } from '../../../onnx/packing/weights';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { readFloats } from '../../../onnx/proto/tensors';
import type { Devices } from '../devices/adaptiveSession';
import type { Job } from '../job/job';
import { span } from '../job/trace';
import { openMatMul } from '../ort/matmul';
import { QuadraticForms } from '../ort/quadratic';
import type { Feeds } from '../ort/session';
import { pickShares, tableNoise } from '../rounding/embeddings';
import { LayerwiseRun } from '../rounding/layerwiseRun';
import { layerMoments } from '../rounding/moments';
import { inputsOf, im2colLayer } from '../rounding/roundNetwork';
import { inputPowers, outputVariance, wideNoise } from '../rounding/wideLayers';
import { compensationsOf } from '../rounding/roundApart';
import { roundWeight } from '../rounding/roundWeight';
import { gatherRows, type LayerRows } from '../rounding/rows';
import { energiesOf, energyOfMeans, inputError, roundingError, weighedEnergy } from './errors';

/** Bytes of rounding errors that wait to be multiplied with the same moments. */
const WAITING_BYTES = 256e6;

export interface NoiseWork {
  /** The model as samples are run through it. */
  model: ModelProto;
  network: Network;
  path: string;
  widths: readonly number[];
  /** Inputs that may share a scale, for the widths up to MOST_GROUPED, where layers can have that; default: none. */
  groups?: readonly number[];
  /** Layers without second moments; see momentsMemory. */
  wide?: ReadonlySet<string>;
  /** Of the layers' inputs; default: none. */
  activationWidths?: readonly number[];
  /**
   * Default 'nearest'. The others let inputs make up for each other's errors: what that leaves is told by the second moments,
   * without rounding (see compensatedPowers).
   */
  rounding?: RoundingMethod;
  /** Takes the weights of each layer at this width, rounded by GPTQ where `rounding` compensates. */
  probe?: { bits: CodeBits; put: (storage: CodeStorage) => void };
  /** Per block, calibration samples. */
  inputs: readonly Feeds[];
  job: Job;
  /** Absent: the CPU. */
  devices?: Devices;
}

export interface MeasuredNoise {
  noise: Record<number, number>[];
  activationNoise?: Record<number, number>[];
}

/**
 * Per function and storageCode, eps(b) = E ||dW x||^2 / Var(W x), summed over the function's layers: dW the error of rounding,
 * x the layer's inputs in the float network. 0 for a layer whose rows cannot be told apart. For activation widths
 * E ||W dx||^2 / Var(W x): dx the error of the inputs on the grid that an export would give them.
 */
export async function layerNoise(work: NoiseWork): Promise<MeasuredNoise> {
  const { model, network, path, inputs, job, widths, activationWidths, rounding = 'nearest' } = work;
  const graph = new Graph(model.graph!);
  const held = heldTensors(model.graph!);
  const prefix = new LayerwiseRun(model, graph, path, job, inputs);
  const none = (of: readonly number[]) => network.functions.map(() => new Map(of.map((bits) => [bits, 0])));
  const asked = network.functions.map((f) => codesFor(f, widths, work.groups ?? []));
  const errors = asked.map((codes) => new Map(codes.map((code) => [code, 0])));
  const inputErrors = none(activationWidths ?? []);
  const variances = new Float64Array(network.functions.length);
  const layers = network.functions.flatMap(({ layers }, owner) =>
    layers.map((layer) => ({ layer, owner, position: graph.producerIndex(layer.output)! })),
  );
  layers.sort((a, b) => a.position - b.position);
  const uses = new Map<string, number>();
  for (const { layer } of layers) uses.set(layer.weight, (uses.get(layer.weight) ?? 0) + 1);
  const shared = new Map<string, RoundedWeights>();
  const stored = new Map(networkWeights(network).map((weight) => [weight.tensor, weight]));
  const forms = new QuadraticForms();
  const fast = rounding === 'nearest' ? null : await openMatMul();
  try {
    for (const [index, { layer, owner, position }] of layers.entries()) {
      await job.checkpoint();
      job.progress('Measuring noise', index / layers.length);
      await prefix.advance(position, new Map());
      const read = (): Promise<Float32Array> => readFloats(held.get(layer.weight)!.tensor, path);
      // A layer that cannot have the groups of its function keeps one scale an output.
      const own = new Map(asked[owner].map((code) => [code, codeFor(layer, code)]));
      const codes = [...new Set(own.values())];
      const addErrors = (of: ReadonlyMap<number, number>) => {
        for (const [code, stored] of own) errors[owner].set(code, errors[owner].get(code)! + of.get(stored)!);
      };
      if (layer.picks) {
        const table = await tableNoise(layer, await read(), pickShares(layer, graph, prefix), codes);
        variances[owner] += table.variance;
        addErrors(table.errors);
        continue;
      }
      const unfolded = await im2colLayer(model, graph, layer, position, path);
      if (!unfolded) continue;
      const { rows } = unfolded;
      if (work.wide?.has(layer.node)) {
        const powers = inputPowers(unfolded, prefix);
        const wide = await wideNoise(gatherRows(await read(), rows), rows, powers, codes);
        variances[owner] += powers ? await outputVariance(unfolded, prefix) : wide.energy;
        addErrors(wide.errors);
        continue;
      }
      const seen = await inputsOf(unfolded, prefix, new Map());
      const sums = await layerMoments(unfolded, seen, null, path, job, work.devices);
      // Weights that many layers share (an unrolled LSTM) are read and rounded once, for the first, as in an export.
      const before = shared.get(layer.weight);
      const known = before && isSameView(before.rows, rows) ? before : null;
      const values = known ? null : await read();
      const weights = known?.weights ?? gatherRows(values!, rows);
      const differences = known?.differences ?? new Map<number, Float64Array>();
      if (!known && uses.get(layer.weight)! > 1) shared.set(layer.weight, { rows, weights, differences });
      // The moments meet the weights and the errors of all widths in one product.
      const most = Math.max(1, Math.floor(WAITING_BYTES / (8 * weights.length)));
      const errorAt = async (code: number, powers: readonly Float64Array[] | null): Promise<Float64Array> => {
        await job.checkpoint();
        const difference =
          differences.get(code) ?? (await span('round', () => roundingError(weights, rows, powers, code)));
        if (shared.has(layer.weight)) differences.set(code, difference);
        return difference;
      };
      const energies: number[] = [];
      if (fast) {
        energies.push(...(await energiesOf([weights], rows, sums, forms)));
        const compensations = await span('factor', () => compensationsOf(sums, fast.matmul));
        const powers = compensations.map((own) =>
          own ? compensatedPowers(own) : new Float64Array(rows.columns),
        );
        for (const code of codes) energies.push(weighedEnergy(await errorAt(code, powers), rows, powers));
        if (work.probe && values) {
          const { bits, put } = work.probe;
          const how = { method: 'gptq' as const, roundScale: Math.fround };
          const known = { moments: sums.moments, compensations };
          put(await roundWeight(how, { ...stored.get(layer.weight)!, bits }, rows, values, known, fast));
        }
      } else {
        const waiting: Float64Array[] = [weights];
        for (const code of codes) {
          if (waiting.push(await errorAt(code, null)) < most) continue;
          energies.push(...(await energiesOf(waiting.splice(0), rows, sums, forms)));
        }
        energies.push(...(await energiesOf(waiting, rows, sums, forms)));
      }
      variances[owner] += Math.max(0, energies[0] - energyOfMeans(weights, rows, sums));
      addErrors(new Map(codes.map((code, i) => [code, energies[i + 1]])));
      for (const bits of activationWidths ?? []) {
        const off = inputError(seen, layer.input, bits);
        const offSums = await layerMoments(unfolded, off, null, path, job, work.devices);
        const [error] = await energiesOf([weights], rows, offSums, forms);
        inputErrors[owner].set(bits, inputErrors[owner].get(bits)! + error);
      }
    }
  } finally {
    await fast?.close();
    await forms.close();
  }
  const relative = (of: Map<number, number>[]) =>
    of.map((byWidth, i) =>
      Object.fromEntries(
        [...byWidth].map(([bits, error]) => [bits, variances[i] > 0 ? error / variances[i] : 0]),
      ),
    );
  return {
    noise: relative(errors),
    ...(activationWidths ? { activationNoise: relative(inputErrors) } : {}),
  };
}

/** A weight tensor that several layers read, as the first of them sees it, and what rounding does to it per width. */
interface RoundedWeights {
  rows: LayerRows;
  weights: Float64Array;
  differences: Map<number, Float64Array>;
}

function isSameView(a: LayerRows, b: LayerRows): boolean {
  return a.groups === b.groups && a.rows === b.rows && a.stored.every((at, i) => at === b.stored[i]);
}

/** Widths that groups are for: above, a scale an output costs next to nothing in noise. */
const MOST_GROUPED = 4;

/** StorageCodes of a function that are measured. */
function codesFor(
  { layers }: NetworkFunction,
  widths: readonly number[],
  groups: readonly number[],
): number[] {
  const own = groups.filter((size) => layers.some((layer) => scaleGroup(layer, size)));
  const narrow = widths.filter((bits) => bits <= MOST_GROUPED);
  return [...widths, ...own.flatMap((size) => narrow.map((bits) => storageCode(bits, size)))];
}

function codeFor(layer: Layer, code: number): number {
  return scaleGroup(layer, groupOf(code)) ? code : bitsOf(code);
}
