/** A request for the noise of every function at every width. */
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import type { NoiseReply, NoiseRequest } from '../../protocol';
import { Devices } from '../devices/adaptiveSession';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import type { Feeds } from '../ort/session';
import type { CalibrationBlocks } from '../rounding/calibrationBlocks';
import { roundNetwork } from '../rounding/roundNetwork';
import { layerNoise, type MeasuredNoise } from './noise';
import { OutputTrials } from '../evaluate/outputTrials';
import { type Opened, withBlocks } from './trials';

/** The width at which the functions are tried one by one: enough noise to be seen at the outputs, not so much that they drown. */
const PROBED = 3;
/** Forward passes of all samples that the trials may take together, where one sample each does not take more. */
const PASSES = 6;
/** Least weight of a function's noise, as a share of the median: few samples do not tell that it never matters. */
const LEAST_WEIGHT = 0.01;

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function noise(request: NoiseRequest, job: Job): Promise<NoiseReply> {
  const choices = request.data.outputs ?? {};
  return withBlocks(request, 1, choices, job, async (opened, all, take) => {
    const { network, wide, plan } = opened;
    const { widths, groups, activationWidths, rounding, model: path } = request;
    const { model, count } = all;
    const devices = await Devices.open(request.provider ?? 'cpu', job);
    const isTried = plan.compared.length > 0 && widths.includes(PROBED);
    const probes = new Map<string, WeightStorage>();
    const probe = {
      bits: PROBED,
      put: (storage: WeightStorage) => probes.set(storage.tensor, storage),
    } as const;
    const work = { model, network, wide, path, widths, groups, activationWidths, rounding, job, devices };
    const inputs = isTried ? seenBlocks(all) : all.blocks;
    const own = await layerNoise({ ...work, inputs, ...(isTried ? { probe } : {}) });
    if (!isTried) return { ...own, samples: count };
    try {
      const costs = await outputCosts(request, opened, all, probes, take, job);
      return { ...atOutputs(own, costs), samples: count };
    } catch (error) {
      if (!(error instanceof EngineFault)) throw error;
      job.log(
        'warn',
        `What the outputs notice was not measured, each layer counts by its own output: ${error.message}`,
      );
      return { ...own, samples: count };
    }
  });
}

/** What rounding has seen costs less than it should: the last block is kept for the trials, where there are several. */
function seenBlocks({ blocks }: CalibrationBlocks): Feeds[] {
  return blocks.length > 1 ? blocks.slice(0, -1) : blocks;
}

/**
 * Per function, the cost of the model's outputs with its weights alone at PROBED bits, on a few samples. What differs between
 * functions is told by noise over signal, which few samples tell better than the KL divergence of classes: four of them as
 * well as ten (see docs/rounding.md). The costs of all together scale it.
 */
async function outputCosts(
  { model: path }: NoiseRequest,
  { network, plan }: Opened,
  { model, blocks, size, fixed, count }: CalibrationBlocks,
  probes: ReadonlyMap<string, WeightStorage>,
  take: (from: number, to: number) => Promise<Feeds>,
  job: Job,
): Promise<number[]> {
  const { functions } = network;
  const from = (blocks.length - 1) * size;
  const there = count - from;
  const few = fixed ? there : Math.min(there, Math.max(1, Math.floor((PASSES * count) / functions.length)));
  const tried = few < there ? await take(from, from + few) : blocks[blocks.length - 1];
  const countOf = (): number => (fixed ? size : few);
  const trials = new OutputTrials({ model, network, path, plan, blocks: [tried], countOf, job });
  const weights = networkWeights(network);
  const rounding = { model, network, path, roundScale: Math.fround, job, onProgress: () => undefined };
  const noises: number[] = [];
  let cost = 0;
  await trials.feedWeights();
  try {
    for (const i of functions.keys()) {
      await job.checkpoint();
      job.progress('Measuring what the outputs notice', i / functions.length);
      // What compensation cannot round (a table, a layer without second moments) is rounded to nearest, as in an export.
      const isMissing = weights.some(({ tensor, owner }) => owner === i && !probes.has(tensor));
      const bits = functions.map((_, owner) => (isMissing && owner === i ? PROBED : 32));
      const others = await roundNetwork({ ...rounding, bits, method: 'nearest', inputs: [] });
      const storages = weights.map(({ tensor, owner }, w) =>
        owner === i ? (probes.get(tensor) ?? others[w]) : others[w],
      );
      const { all } = await trials.run(storages);
      noises.push(10 ** (-all.sqnrDb / 10));
      cost += all.cost;
    }
  } finally {
    await trials.close();
  }
  const sum = noises.reduce((a, b) => a + b, 0);
  return noises.map((noise) => (sum > 0 ? (noise * cost) / sum : 0));
}

/** The noise of each function, relative to its own output, times what a unit of it costs the model's outputs. */
function atOutputs({ noise, activationNoise }: MeasuredNoise, costs: readonly number[]): MeasuredNoise {
  const weights = costs.map((cost, i) => (noise[i][PROBED] > 0 ? cost / noise[i][PROBED] : 0));
  const known = weights.filter((weight) => weight > 0 && Number.isFinite(weight)).sort((a, b) => a - b);
  if (known.length === 0) return { noise, activationNoise };
  const least = LEAST_WEIGHT * known[Math.floor(known.length / 2)];
  const times = (of: Record<number, number>[]) =>
    of.map((byCode, i) => {
      const weight = Number.isFinite(weights[i]) ? Math.max(least, weights[i]) : known[known.length - 1];
      return Object.fromEntries(Object.entries(byCode).map(([code, value]) => [code, weight * value]));
    });
  return { noise: times(noise), ...(activationNoise ? { activationNoise: times(activationNoise) } : {}) };
}
