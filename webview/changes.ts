/** What the last change changed, layer by layer. Pure. */
import type { BitWidth } from '../src/core/problem/widths';
import type { PanelState } from './protocol';
import type { Shown } from './shown';

export interface BitChange {
  /** 0-based, in network order. */
  index: number;
  name: string;
  from: BitWidth;
  to: BitWidth;
  /** Bytes that the file gains. */
  bytes: number;
}

/** Empty where nothing was compared, or nothing differs. */
export function changesOf({ functions }: PanelState, before: Shown | null, { bits }: Shown): BitChange[] {
  if (!before) return [];
  return functions.flatMap(({ name, bytes }, index) => {
    const [from, to] = [before.bits[index], bits[index]];
    if (!from || !to || from === to) return [];
    return [{ index, name, from, to, bytes: (bytes[to] ?? 0) - (bytes[from] ?? 0) }];
  });
}
