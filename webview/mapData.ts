/** From what the store shows to the data of the bit map. Pure. */
import type { BitMapColumn, BitMapData } from './bitMapLayout';
import { formatShape } from './format';
import type { PanelFunction } from './protocol';
import type { Store } from './store';

/** null before there is a state. @param size in pixels */
export function mapData(store: Store, size: { width: number; height: number }): BitMapData | null {
  const { state, shown, before, view } = store;
  if (!state) return null;
  const columns = state.functions.map((f, i): BitMapColumn => ({
    name: f.name,
    bits: shown.bits[i] ?? null,
    before: before && before.bits[i] !== shown.bits[i] ? before.bits[i] : null,
    floatBytes: f.bytes[32] ?? f.params * 4,
    decider: shown.decider?.heights[i] ?? null,
    fixedBy: store.fixedBy(i),
    stage: f.stage,
    resolution: resolution(f),
  }));
  const { columnWidth, showDecider, selected } = view;
  const float = { layers: state.skipped.length, bytes: state.fixedBytes };
  return { columns, float, columnWidth, showDecider, selected, ...size };
}

/** "56 × 56" of [1, 64, 56, 56]; '' where there is nothing spatial. */
export function resolution({ shape }: PanelFunction): string {
  return shape && shape.length >= 4 ? formatShape(shape.slice(2)) : '';
}
