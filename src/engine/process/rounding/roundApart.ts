/** Each layer rounded by itself, at several widths: what a contest needs, where an export rounds one allocation as a whole. */
import { bitsOf, groupOf } from '../../../common/storageCode';
import { type Compensation, compensationOf } from '../../../core/rounding/compensation';
import type { MatMul } from '../../../core/rounding/matmul';
import { Graph } from '../../../onnx/graph/graph';
import { scaleGroup } from '../../../onnx/network/groups';
import type { Network } from '../../../onnx/network/network';
import type { CodeBits } from '../../../onnx/packing/planes';
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import { heldTensors } from '../../../onnx/packing/weights';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { readFloats } from '../../../onnx/proto/tensors';
import type { Job } from '../job/job';
import { openMatMul } from '../ort/matmul';
import type { Feeds } from '../ort/session';
import { LayerwiseRun } from './layerwiseRun';
import { layerMoments } from './moments';
import type { Moments } from './momentSums';
import { im2colLayer, inputsOf, stepsOf } from './roundNetwork';
import { roundWeight, shrink } from './roundWeight';

export interface ApartWork {
  /** The model as samples are run through it. */
  model: ModelProto;
  network: Network;
  path: string;
  /** Layers without second moments, which are left out; see momentsMemory. */
  wide: ReadonlySet<string>;
  /** Per block, calibration samples. */
  inputs: readonly Feeds[];
  job: Job;
}

/**
 * Weights as GPTQ rounds them on the float network's inputs, so that their codes do not depend on the bits of other layers, and
 * each layer's inputs are summed up once for all its widths. Weights that are rounded to nearest anyway are left out.
 * @param widths per function, storageCodes
 * @param put takes each as it is found
 */
export async function roundApart(
  { model, network, path, wide, inputs, job }: ApartWork,
  widths: readonly ReadonlySet<number>[],
  put: (code: number, storage: WeightStorage) => void,
): Promise<void> {
  const graph = new Graph(model.graph!);
  const held = heldTensors(model.graph!);
  const prefix = new LayerwiseRun(model, graph, path, job, inputs);
  const fast = await openMatMul();
  try {
    for (const { weight, layer, position } of stepsOf(network, graph, networkWeights(network))) {
      await job.checkpoint();
      const own = [...widths[weight.owner]].filter((code) => bitsOf(code) <= 8);
      if (own.length === 0 || layer.picks || wide.has(layer.node)) continue;
      const unfolded = await im2colLayer(model, graph, layer, position, path);
      if (!unfolded) continue;
      await prefix.advance(position, new Map());
      const seen = await inputsOf(unfolded, prefix, new Map());
      const sums = await layerMoments(unfolded, seen, null, path, job);
      const values = await readFloats(held.get(weight.tensor)!.tensor, path);
      const compensations = await compensationsOf(sums, fast.matmul);
      const known = { moments: sums.moments, compensations };
      const how = { method: 'gptq' as const, roundScale: Math.fround };
      for (const code of own) {
        const stored = { ...weight, bits: bitsOf(code) as CodeBits, group: scaleGroup(layer, groupOf(code)) };
        put(code, await roundWeight(how, stored, unfolded.rows, values, known, fast));
      }
    }
  } finally {
    await fast.close();
  }
}

/** Per group; null where all inputs are zero. Takes away from the moments what they owe to chance, in place. */
export async function compensationsOf(sums: Moments, matmul: MatMul): Promise<(Compensation | null)[]> {
  shrink(sums);
  const found: (Compensation | null)[] = [];
  for (const [g, own] of sums.moments.entries()) {
    const columns = sums.means[g].length;
    found.push(own.some((value) => value !== 0) ? await compensationOf(own, columns, matmul) : null);
  }
  return found;
}
