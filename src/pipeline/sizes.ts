/** Sizes of a model at given bits, and of the smallest that there can be. */
import { type BudgetSpec, solverBudget } from '../config/budget';
import { BIT_WIDTHS } from '../core/problem/widths';
import type { InspectReply } from '../engine/protocol';
import { problemOf } from './problem';
import type { AllocationSettings } from './settings';

/** The smallest file that widths, pins and locks allow. */
export function smallestBytes(inspect: InspectReply, settings: Omit<AllocationSettings, 'budget'>): number {
  const { candidates, fixedBytes } = problemOf(inspect, { weight: null, noise: null }, settings, {
    kind: 'bytes',
    bytes: 0,
  });
  return candidates.reduce(
    (sum, c) => sum + Math.min(...c.choices.map((choice) => choice.bytes)),
    fixedBytes,
  );
}

/** The largest file that the budget allows; for an average, with the dearest overhead of each function. */
export function budgetBytes({ network, size, bytes }: InspectReply, budget: BudgetSpec): number {
  const limit = solverBudget(budget, bytes);
  if (limit.kind !== 'averageBits') return limit.bytes;
  const overhead = network.functions.map(({ params }, i) =>
    Math.max(...BIT_WIDTHS.filter((b) => b <= 8).map((b) => size.functionBytes[i][b] - (params * b) / 8)),
  );
  const params = network.functions.reduce((sum, f) => sum + f.params, 0);
  return Math.ceil(size.fixedBytes + overhead.reduce((a, b) => a + b, 0) + (params * limit.bits) / 8);
}

/** What the file weighs at an average, interpolated between uniform widths: for people to choose by. */
export function estimatedBytes({ size }: InspectReply, averageBits: number): number {
  const low = Math.min(7, Math.max(2, Math.floor(averageBits)));
  const share = averageBits - low;
  const total = (bits: number): number =>
    size.functionBytes.reduce((sum, bytes) => sum + bytes[bits], size.fixedBytes);
  return Math.round(total(low) * (1 - share) + total(low + 1) * share);
}
