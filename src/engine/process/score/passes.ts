/** From a plan to Gram matrices. */
import { gramsInBlocks } from './byBlocks';
import { gramsByColumns } from './byFeatures';
import type { Grams } from './grams';
import type { Plan } from './plan';
import type { Surveyed } from './survey';
import type { Workbench } from './workbench';

/**
 * @param indices of the functions to score
 * @param onProgress share of the work that is done
 */
export function carryOut(
  bench: Workbench,
  surveyed: Surveyed,
  plan: Plan,
  indices: readonly number[],
  grams: Grams,
  onProgress: (share: number) => void,
): Promise<void> {
  switch (plan.kind) {
    case 'once':
      return gramsInBlocks(bench, surveyed, indices, bench.samples.size, grams, onProgress);
    case 'pairs':
      return gramsInBlocks(bench, surveyed, indices, plan.blockSize, grams, onProgress);
    case 'columns':
      return gramsByColumns(bench, surveyed, indices, plan.batch, plan.columns, grams, onProgress);
  }
}
