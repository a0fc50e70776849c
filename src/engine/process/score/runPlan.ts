/** From a plan to Gram matrices. */
import type { BatchProbe } from './batchProbe';
import { gramsByBlocks } from './byBlocks';
import { gramsByFeatures } from './byFeatures';
import type { Grams } from './grams';
import type { Plan } from './plan';
import type { ScoringContext } from './scoringContext';

/**
 * @param indices of the functions to score
 * @param onProgress share of the work that is done
 */
export function runPlan(
  context: ScoringContext,
  probed: BatchProbe,
  plan: Plan,
  indices: readonly number[],
  grams: Grams,
  onProgress: (share: number) => void,
): Promise<void> {
  switch (plan.kind) {
    case 'once':
      return gramsByBlocks(context, probed, indices, context.samples.size, grams, onProgress);
    case 'pairs':
      return gramsByBlocks(context, probed, indices, plan.blockSize, grams, onProgress);
    case 'columns':
      return gramsByFeatures(context, probed, indices, plan.batch, plan.columns, grams, onProgress);
  }
}
