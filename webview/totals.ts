/** Sums over the network, as floats and as allocated. */
import { type Uses, usesOf } from '../src/core/problem/facts';
import type { BitWidth } from '../src/core/problem/widths';
import type { PanelState } from './protocol';

export interface Totals {
  params: number;
  /** null where a function's spatial size is open. */
  macs: number | null;
  sizeBytes: number;
  averageBits: number;
  /** Bit operations for one sample: MACs x weight bits x activation bits. */
  bops: number | null;
  floatBops: number | null;
}

/** null where not every function has bits. */
export function totalsOf(state: PanelState, bits: readonly (BitWidth | null)[]): Totals | null {
  const { functions } = state;
  const { bytes, averageBits, bops } = stateUses(state, bits);
  if (functions.length === 0 || bytes === null || averageBits === null) return null;
  const macs = functions.every((f) => f.macs !== null)
    ? functions.reduce((sum, f) => sum + (f.macs ?? 0), 0)
    : null;
  return {
    params: functions.reduce((sum, f) => sum + f.params, 0),
    macs,
    sizeBytes: bytes,
    averageBits,
    bops,
    floatBops: macs && macs * 32 * 32,
  };
}

/** What the bits use of everything that can be limited; null where it is not known. */
export function stateUses(state: PanelState, bits: readonly (BitWidth | null)[]): Uses {
  return usesOf(state.functions, bits, state);
}
