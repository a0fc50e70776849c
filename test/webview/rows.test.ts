import { describe, expect, it } from 'vitest';
import { filtered, rowsOf, sorted } from '../../webview/rows';
import { testStore } from './support/store';
import { scored } from './support/networks';

const store = testStore();
store.receive(scored(53));
const rows = rowsOf(store);

describe('rows', () => {
  it('say what the page shows elsewhere', () => {
    expect(rows).toHaveLength(53);
    expect(rows[0]).toMatchObject({ index: 0, fixedBy: 'pin', bits: 8 });
    expect(rows[17]).toMatchObject({ fixedBy: 'lock', bits: 6 });
    const share = rows.reduce((sum, row) => sum + (row.share ?? 0), 0);
    expect(share).toBeGreaterThan(0.9);
    expect(share).toBeLessThan(1);
  });

  it('are filtered by words, each of which must match', () => {
    expect(filtered(rows, '')).toHaveLength(53);
    expect(filtered(rows, 'gemm').map((r) => r.index)).toEqual([52]);
    expect(filtered(rows, 'depthwise stage2').every((r) => r.stage === 2)).toBe(true);
    expect(filtered(rows, 'locked').map((r) => r.index)).toEqual([17]);
    expect(filtered(rows, 'pinned')).toHaveLength(2);
    expect(filtered(rows, '8bit').every((r) => r.bits === 8)).toBe(true);
    expect(filtered(rows, 'no such thing')).toHaveLength(0);
  });

  it('are sorted by any column, ties in network order, unknown values last', () => {
    const bySize = sorted(rows, { by: 'params', descending: true });
    for (let i = 1; i < bySize.length; i++)
      expect(bySize[i].params).toBeLessThanOrEqual(bySize[i - 1].params);
    const byBits = sorted(rows, { by: 'bits', descending: false });
    for (let i = 1; i < byBits.length; i++) {
      const [a, b] = [byBits[i - 1], byBits[i]];
      expect(a.bits! < b.bits! || (a.bits === b.bits && a.index < b.index)).toBe(true);
    }
    const open = rows.map((row, i) => (i === 0 ? { ...row, macs: null } : row));
    expect(sorted(open, { by: 'macs', descending: false }).at(-1)?.index).toBe(0);
    const names = sorted(rows, { by: 'name', descending: false }).map((r) => r.name);
    expect(names.indexOf('/features/features.2/expand/Conv')).toBeLessThan(
      names.indexOf('/features/features.10/expand/Conv'),
    );
  });
});
