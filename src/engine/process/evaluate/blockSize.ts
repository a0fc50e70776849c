/** How many samples are evaluated at a time. */
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { GraphInput, Network } from '../../../onnx/network/network';
import { type ModelProto } from '../../../onnx/proto/onnx_pb';
import type { EvaluateRequest } from '../../protocol';
import { limitOf, liveActivationBytes, residentMemory } from '../ort/memory';
import { fixedBatch, sampleBytes } from '../ort/samples';

/** Samples per run, where the model takes several. */
const BLOCK = 32;

/** A block of inputs takes at most this many bytes. */
const BLOCK_BYTES = 64e6;

/** Samples whose activations fit in the memory limit; a power of two, so that it does not change with every run. */
export function blockLimit(
  { memoryLimit = 0 }: EvaluateRequest,
  models: readonly ModelProto[],
  network: Network,
  dataset: Dataset,
): number {
  const limit = limitOf(memoryLimit);
  const inputs = Object.fromEntries(network.inputs.map(({ name }) => [name, dataset.shapes[name] ?? []]));
  const weights = models.reduce((sum, model) => sum + initializerBytes(model), 0);
  const bytes = liveActivationBytes(models[0], inputs, 1, new Map());
  const budget = 0.85 * (limit - residentMemory()) - weights;
  return Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, budget / Math.max(1, bytes)))));
}

/** What sessions hold beside what the process has already. */
function initializerBytes({ graph }: ModelProto): number {
  return graph!.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
}

export function blockSize(dataset: Dataset, inputs: readonly GraphInput[], most: number): number {
  const fixed = fixedBatch(inputs, dataset.batchAxes);
  if (fixed !== null) return fixed;
  const open = inputs.some(({ name }) => (dataset.batchAxes[name] ?? null) !== null);
  return open ? Math.max(1, Math.min(BLOCK, most, Math.floor(BLOCK_BYTES / sampleBytes(dataset)))) : 1;
}
