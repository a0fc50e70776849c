/** A budget in the unit that the user thinks in, and as a place on the slider. */
import { parseSize } from '../src/common/sizes';
import { type BudgetSpec } from '../src/config/budget';
import { t } from './l10n';
import type { Range } from './problem';
import type { BudgetUnit } from './protocol';

export const UNITS: { value: BudgetUnit; text: string }[] = [
  { value: 'MB', text: 'MB' },
  { value: 'MiB', text: 'MiB' },
  { value: 'KB', text: 'KB' },
  { value: 'bits', text: t('bits on average') },
  { value: 'ratio', text: t('times smaller') },
];

const BYTES: Partial<Record<BudgetUnit, number>> = { MB: 1e6, MiB: 2 ** 20, KB: 1e3 };

/** The unit that fits a budget as it stands in the config. */
export function unitOf(budget: BudgetSpec): BudgetUnit {
  if ('averageBits' in budget) return 'bits';
  if ('ratio' in budget) return 'ratio';
  return budget.bytes < 1e6 ? 'KB' : 'MB';
}

/** The number in the field. */
export function amountIn(unit: BudgetUnit, budget: BudgetSpec, range: Range, modelBytes: number): string {
  if (unit === 'bits') {
    if ('averageBits' in budget) return trim(budget.averageBits, 4);
    return trim(bitsAt(bytesOf(budget, range, modelBytes), range), 2);
  }
  const bytes = bytesOf(budget, range, modelBytes);
  if (unit === 'ratio') return 'ratio' in budget ? trim(budget.ratio, 4) : trim(modelBytes / bytes, 2);
  return trim(bytes / (BYTES[unit] ?? 1), 6 - Math.ceil(Math.log10((BYTES[unit] ?? 1) / 1e3 + 1)));
}

/** What the user typed, which may carry its own unit ("1.5MB"); null where it is no budget. */
export function budgetFrom(text: string, unit: BudgetUnit): BudgetSpec | null {
  const bytes = parseSize(text);
  if (bytes !== null) return { bytes };
  const value = Number(text.trim().replace(',', '.'));
  if (!Number.isFinite(value) || value <= 0 || text.trim() === '') return null;
  if (unit === 'bits') return { averageBits: value };
  if (unit === 'ratio') return { ratio: value };
  return { bytes: Math.round(value * (BYTES[unit] ?? 1)) };
}

/** The same budget said in another unit. */
export function converted(
  unit: BudgetUnit,
  budget: BudgetSpec,
  range: Range,
  modelBytes: number,
): BudgetSpec {
  return budgetFrom(amountIn(unit, budget, range, modelBytes), unit) ?? budget;
}

/** Bytes that a budget comes to; for an average, by interpolation between the ends of the range. */
export function bytesOf(budget: BudgetSpec, range: Range, modelBytes: number): number {
  if ('bytes' in budget) return budget.bytes;
  if ('ratio' in budget) return modelBytes / budget.ratio;
  const bits = range.mostBits - range.leastBits;
  const t = bits > 0 ? (budget.averageBits - range.leastBits) / bits : 0;
  return range.smallest + t * (range.largest - range.smallest);
}

/** The budget in `unit` for a place of the slider, rounded to what a person would write. */
export function budgetAt(bytes: number, unit: BudgetUnit, range: Range, modelBytes: number): BudgetSpec {
  if (unit === 'bits') return { averageBits: Math.max(0.01, Number(bitsAt(bytes, range).toFixed(2))) };
  if (unit === 'ratio') return { ratio: Number((modelBytes / bytes).toFixed(2)) };
  const step = 10 ** Math.max(0, Math.floor(Math.log10(range.largest)) - 3);
  return { bytes: Math.max(1, Math.round(bytes / step) * step) };
}

function bitsAt(bytes: number, range: Range): number {
  const span = range.largest - range.smallest;
  const t = span > 0 ? (bytes - range.smallest) / span : 0;
  return range.leastBits + t * (range.mostBits - range.leastBits);
}

/** At most `digits` decimals, without trailing zeros. */
function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(Math.max(0, digits))));
}
