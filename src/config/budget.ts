/** Budgets as people state them, and sizes as people write them. */
import { formatSize } from '../common/sizes';
import type { Budget } from '../core/problem/problem';

export type BudgetSpec = { bytes: number } | { averageBits: number } | { ratio: number };

/** No limit on the size but the float model's own: that of a budget which is asked for as a quality. */
export const WHOLE: BudgetSpec = { ratio: 1 };

export function formatBudget(budget: BudgetSpec): string {
  if ('bytes' in budget) return formatSize(budget.bytes);
  if ('averageBits' in budget) return `${budget.averageBits} bits on average`;
  return `1/${budget.ratio} of the float model`;
}

/** Share of the budget that is used; above 1: over it. An average is held in bits, everything else in bytes. */
export function budgetUse(
  budget: BudgetSpec,
  used: { bytes: number; averageBits: number },
  budgetBytes: number,
): number {
  return 'averageBits' in budget
    ? used.averageBits / budget.averageBits
    : used.bytes / Math.max(1, budgetBytes);
}

export type SizeBudget = Extract<Budget, { kind: 'bytes' | 'averageBits' }>;

/** @param modelBytes size of the float model, which a ratio refers to */
export function solverBudget(budget: BudgetSpec, modelBytes: number): SizeBudget {
  if ('averageBits' in budget) return { kind: 'averageBits', bits: budget.averageBits };
  if ('bytes' in budget) return { kind: 'bytes', bytes: budget.bytes };
  return { kind: 'bytes', bytes: Math.floor(modelBytes / budget.ratio) };
}
