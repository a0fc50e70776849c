/** Numbers as people read them. */
import type { Dimension } from '../src/onnx/proto/dims';
import { t } from './l10n';

/** 3504872 -> "3.50 M". */
export function formatCount(value: number): string {
  for (const [limit, unit] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= limit) return `${significant(value / limit)} ${unit}`;
  }
  return String(Math.round(value));
}

/** Three significant digits. */
export function significant(value: number): string {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude >= 5 || magnitude < -3) return value.toExponential(2).replace('e+', 'e');
  return value.toFixed(Math.max(0, 2 - magnitude));
}

export function formatShape(shape: Dimension[] | null): string {
  if (!shape) return 'unknown';
  return shape.map((d) => (d === '' ? '?' : String(d))).join(' × ');
}

export function formatPercent(fraction: number): string {
  const percent = fraction * 100;
  return percent > 0 && percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

export function formatSeconds(seconds: number): string {
  return seconds < 1 ? t('{0} ms', Math.round(seconds * 1000)) : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}

export function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}
