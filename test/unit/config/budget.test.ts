import { describe, expect, it } from 'vitest';
import { formatSize, parseSize, roundedUp } from '../../../src/common/sizes';
import { formatBudget, solverBudget } from '../../../src/config/budget';
import { parseWidths } from '../../../src/config/widths';

describe('sizes', () => {
  it.each([
    ['1.5MB', 1_500_000],
    ['1.5 MiB', 1_572_864],
    ['900KB', 900_000],
    ['2 kib', 2048],
    ['12b', 12],
    ['1GB', 1e9],
  ])('reads %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', '1.5', 'MB', '1,5MB', '-1MB', '0MB', '1.5TB', '1e3KB'])('refuses "%s"', (text) =>
    expect(parseSize(text)).toBeNull(),
  );

  it('writes them in powers of ten', () => {
    expect([12, 1200, 1_234_567, 2e9].map(formatSize)).toEqual(['12 B', '1.2 KB', '1.24 MB', '2.00 GB']);
  });

  it('writes none that would not hold what it stands for', () => {
    for (const bytes of [1, 999, 1000, 1001, 1_130_000, 1_130_001, 2_579_999, 17_994_321, 3_000_000_001]) {
      expect(parseSize(formatSize(bytes)), String(bytes)).toBeGreaterThanOrEqual(bytes);
    }
    expect(parseSize('1.13MB')).toBe(1_130_000);
    expect([4.52, 1.1, 4, 11 / 3, 4.571428].map((bits) => roundedUp(bits, 2))).toEqual([
      4.52, 1.1, 4, 3.67, 4.58,
    ]);
  });

  it('turns a ratio into bytes that never exceed it', () => {
    expect(solverBudget({ ratio: 3 }, 1000)).toEqual({ kind: 'bytes', bytes: 333 });
    expect(formatBudget({ ratio: 3 })).toBe('1/3 of the float model');
  });
});

describe('widths', () => {
  it.each([
    ['4-8', [4, 5, 6, 7, 8]],
    ['2,4,8', [2, 4, 8]],
    ['8, 2-3', [2, 3, 8]],
    ['8-32', [8, 16, 32]],
  ])('reads %s', (text, widths) => expect(parseWidths(text)).toEqual(widths));

  it.each(['', '1-4', '8-4', '4-9', 'four', '4-', '2,,4'])('refuses "%s"', (text) =>
    expect(parseWidths(text)).toBeNull(),
  );
});
