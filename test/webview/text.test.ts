import { describe, expect, it } from 'vitest';
import { amountIn, budgetAt, budgetFrom, bytesOf, converted, unitOf } from '../../webview/budgetUnits';
import { TEXT_FORMATS, type Allocated } from '../../webview/copyAs';
import { formatCount, formatPercent, formatShape, significant } from '../../webview/format';
import { scored } from './support/networks';

const range = { smallest: 1_000_000, largest: 4_000_000, leastBits: 2, mostBits: 8 };
const model = 16_000_000;

describe('budget units', () => {
  it('read what people type, with or without a unit of its own', () => {
    expect(budgetFrom('1.5', 'MB')).toEqual({ bytes: 1_500_000 });
    expect(budgetFrom('1,5', 'MB')).toEqual({ bytes: 1_500_000 });
    expect(budgetFrom('1', 'MiB')).toEqual({ bytes: 1_048_576 });
    expect(budgetFrom('800 KB', 'bits')).toEqual({ bytes: 800_000 });
    expect(budgetFrom('3.5', 'bits')).toEqual({ averageBits: 3.5 });
    expect(budgetFrom('8', 'ratio')).toEqual({ ratio: 8 });
    for (const text of ['', 'much', '-1', '0', '1e999']) expect(budgetFrom(text, 'MB')).toBeNull();
  });

  it('show the same number again that was typed', () => {
    for (const [text, unit] of [
      ['1.5', 'MB'],
      ['1234.567', 'KB'],
      ['3.25', 'bits'],
      ['7.5', 'ratio'],
      ['1.25', 'MiB'],
    ] as const) {
      expect(amountIn(unit, budgetFrom(text, unit)!, range, model)).toBe(text);
    }
  });

  it('turn one unit into another', () => {
    expect(converted('ratio', { bytes: 2_000_000 }, range, model)).toEqual({ ratio: 8 });
    expect(converted('bits', { bytes: 2_000_000 }, range, model)).toEqual({ averageBits: 4 });
    expect(bytesOf({ averageBits: 4 }, range, model)).toBe(2_000_000);
    expect(bytesOf({ ratio: 8 }, range, model)).toBe(2_000_000);
    expect(unitOf({ bytes: 400_000 })).toBe('KB');
  });

  it('round places of the slider to what a person would write', () => {
    expect(budgetAt(2_345_678, 'MB', range, model)).toEqual({ bytes: 2_346_000 });
    expect(budgetAt(2_345_678, 'bits', range, model)).toEqual({ averageBits: 4.69 });
    expect(budgetAt(2_000_000, 'ratio', range, model)).toEqual({ ratio: 8 });
  });
});

describe('numbers', () => {
  it('are short and say their magnitude', () => {
    expect([999, 1000, 3_504_872, 2.5e9, 1e12].map(formatCount)).toEqual([
      '999',
      '1.00 k',
      '3.50 M',
      '2.50 G',
      '1.00 T',
    ]);
    expect([0, 0.0012345, 12.345, 123456, 1e-9].map(significant)).toEqual([
      '0',
      '0.00123',
      '12.3',
      '1.23e5',
      '1.00e-9',
    ]);
    expect([0, 0.0001, 0.05, 0.5].map(formatPercent)).toEqual(['0.0 %', '< 0.1 %', '5.0 %', '50 %']);
    expect(formatShape(['N', 3, '', 224])).toBe('N × 3 × ? × 224');
  });
});

describe('copy as', () => {
  const rows: Allocated[] = scored(15).functions.map((f) => ({ function: f, bits: f.bits! }));
  rows[2] = { ...rows[2], function: { ...rows[2].function, name: 'a "b", c|d' } };
  const text = (id: string): string => TEXT_FORMATS.find((f) => f.id === id)!.text(rows);

  it('JSON maps names to bits', () => {
    expect(Object.values(JSON.parse(text('json')) as Record<string, number>)).toEqual(
      rows.map((r) => r.bits),
    );
  });

  it('a list is one Python or JSON list in network order', () => {
    expect(JSON.parse(text('list'))).toEqual(rows.map((r) => r.bits));
  });

  it('CSV quotes names that need it', () => {
    const lines = text('csv').split('\n');
    expect(lines).toHaveLength(16);
    expect(lines[0]).toBe('name,op,params,macs,gamma,bits,bytes');
    expect(lines[3]).toMatch(/^"a ""b"", c\|d",Conv,/);
  });

  it('Markdown escapes the bars of names', () => {
    expect(text('markdown').split('\n')[4]).toMatch(/^\| a "b", c\\\|d \| Conv \|/);
  });
});
