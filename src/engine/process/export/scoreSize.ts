/**
 * Scores of classes as large as the float model's. Rounding takes its errors from the size of what a layer puts out (least
 * squares does), and on inputs that it has not seen more than on those that it has. One number mends what that adds up to.
 */
import { isLower } from '../../../core/allocation/paired';
import type { Network } from '../../../onnx/network/network';
import type { OutputPlan } from '../../../onnx/network/outputs';
import type { WeightStorage } from '../../../onnx/packing/quantizeModel';
import { networkWeights } from '../../../onnx/packing/size';
import type { RoundingTools } from '../../../core/rounding/rows';
import { EngineFault } from '../job/faults';
import { OutputTrials, type Trial, type Tried } from '../evaluate/outputTrials';
import type { CalibrationBlocks } from '../rounding/calibrationBlocks';

/** Of the blocks, one in so many is kept from rounding; fewer samples than that tell nothing. */
const SHARE = 8;
const LEAST_SAMPLES = 16;
/** From one size that is tried to the next. */
const STEP = 1.04;
const MOST_STEPS = 10;

/** How many of the blocks rounding may see: the others tell how large the scores come out. */
export function blocksToRoundOn(
  { blocks, size }: CalibrationBlocks,
  plan: OutputPlan,
  network: Network,
): number {
  const kept = Math.floor(blocks.length / SHARE);
  const isWorth = kept * size >= LEAST_SAMPLES && hasScores(plan) && lastWeights(network).length > 0;
  return blocks.length - (isWorth ? kept : 0);
}

function hasScores({ compared }: OutputPlan): boolean {
  return compared.length === 1 && compared[0].kind === 'classes';
}

/** Indices of the last function's own weights. */
function lastWeights(network: Network): number[] {
  const last = network.functions.length - 1;
  return networkWeights(network).flatMap(({ owner }, i) => (owner === last ? [i] : []));
}

/**
 * The last function's scales times what brings the outputs closest to the float model's, where that is clear on the samples
 * kept for it; a model whose outputs do not follow these scales stays as it is.
 * @param storages one per weight of networkWeights
 */
export async function withScoreSize(
  storages: readonly WeightStorage[],
  tried: Tried,
  roundScale: RoundingTools['roundScale'],
): Promise<{ storages: WeightStorage[]; factor: number }> {
  const own = new Set(lastWeights(tried.network));
  const times = (factor: number): WeightStorage[] =>
    storages.map((storage, i) =>
      own.has(i) && 'scales' in storage
        ? { ...storage, scales: storage.scales.map((scale) => roundScale(factor * scale)) }
        : storage,
    );
  const asRounded = { storages: [...storages], factor: 1 };
  const trials = new OutputTrials(tried);
  try {
    await trials.feedWeights();
    const as = await trials.run(storages);
    let best: { factor: number; trial: Trial } = { factor: 1, trial: as };
    for (const step of [STEP, 1 / STEP]) {
      for (let i = 1; i <= MOST_STEPS && best.trial.all.cost > 0; i++) {
        await tried.job.checkpoint();
        const factor = step ** i;
        const trial = await trials.run(times(factor));
        if (trial.all.cost >= best.trial.all.cost) break;
        best = { factor, trial };
      }
      if (best.factor !== 1) break;
    }
    const isClear = best.factor !== 1 && isLower(best.trial.costs.flat(), as.costs.flat());
    return isClear ? { storages: times(best.factor), factor: best.factor } : asRounded;
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error;
    tried.job.log('info', `How large the scores are was not measured: ${error.message}`);
    return asRounded;
  } finally {
    await trials.close();
  }
}
