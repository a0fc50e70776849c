/** Which group sizes a search looks at where nobody says. */
import { GROUP_SIZES, storageCode } from '../common/storageCode';
import { allBudgets } from '../config/limits';
import type { InspectReply } from '../engine/protocol';
import type { AllocationSettings } from './settings';

/** Average bits up to which a scale per group of inputs earns its bytes. */
const MOST_BITS = 4;
/** Of the weights, the share of matrix products without convolutions from which a network is taken for a transformer. */
const LEAST_SHARE = 0.5;

/**
 * Those asked for; else all, where the budget leaves transformers 4 bits or less on average: the channels of their matrix
 * products hold weights of very different sizes, and those of convolutions do not. None where activations are to be integers:
 * their kernels take one scale an output.
 */
export function groupsFor(
  { groups, budget, limits, activationBits, activationWidths }: AllocationSettings,
  { network, size, bytes }: InspectReply,
): number[] | undefined {
  if (groups) return groups.filter((group) => group > 0).sort((a, b) => a - b);
  if (activationBits !== undefined || activationWidths) return undefined;
  const params = network.functions.reduce((sum, f) => sum + f.params, 0);
  const isLow = allBudgets(budget, limits, bytes).some((limit) => {
    if (limit.kind === 'averageBits') return limit.bits <= MOST_BITS;
    // A byte budget holds scales and nodes, too.
    return limit.kind === 'bytes' && (8 * (limit.bytes - size.fixedBytes)) / params <= MOST_BITS + 1 / 2;
  });
  const products = network.functions
    .filter(({ layers }) => layers.every(({ op }) => op === 'MatMul' || op === 'Gather'))
    .reduce((sum, f) => sum + f.params, 0);
  if (!isLow || products < LEAST_SHARE * params) return undefined;
  const possible = GROUP_SIZES.filter((group) =>
    size.functionBytes.some((own) => own[storageCode(4, group)] !== undefined),
  );
  return possible.length > 0 ? possible : undefined;
}
