/** Sums over the network, as floats and as allocated. */
import { codeBits } from '../src/common/integerProduct';
import type { BitWidth } from '../src/core/problem/widths';
import type { LimitKind } from '../src/config/limits';
import type { PanelFunction, PanelState } from './protocol';

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
  if (functions.length === 0 || bits.some((b) => b === null)) return null;
  const width = bits as BitWidth[];
  const sum = (of: (f: PanelFunction, i: number) => number): number =>
    functions.reduce((total, f, i) => total + of(f, i), 0);
  const known = functions.every((f) => f.macs !== null);
  const params = sum((f) => f.params);
  return {
    params,
    macs: known ? sum((f) => f.macs ?? 0) : null,
    sizeBytes: state.fixedBytes + sum((f, i) => f.bytes[width[i]] ?? 0),
    averageBits: sum((f, i) => f.params * width[i]) / params,
    bops: known ? sum((f, i) => (f.macs ?? 0) * width[i] * (f.activationBits ?? state.activationBits)) : null,
    floatBops: known ? sum((f) => (f.macs ?? 0) * 32 * 32) : null,
  };
}

/** What the bits use of everything that can be limited; null where it is not known. */
export function usesOf(
  state: PanelState,
  bits: readonly (BitWidth | null)[],
): Record<LimitKind, number | null> {
  const { functions, activationBits } = state;
  const totals = totalsOf(state, bits);
  const sum = (of: (f: PanelFunction, width: BitWidth) => number | null | undefined): number | null => {
    const terms = functions.map((f, i) => (bits[i] === null ? undefined : of(f, bits[i])));
    return terms.some((term) => term === undefined || term === null)
      ? null
      : terms.reduce<number>((a, b) => a + (b ?? 0), 0);
  };
  const milliseconds = sum((f, width) => f.milliseconds?.[width]);
  const peak = functions.every((f) => f.activations != null)
    ? Math.max(
        ...functions.map((f) => Math.ceil(((f.activations ?? 0) * (f.activationBits ?? activationBits)) / 8)),
      )
    : null;
  return {
    bytes: totals?.sizeBytes ?? null,
    averageBits: totals?.averageBits ?? null,
    bops: totals?.bops ?? null,
    milliseconds: milliseconds === null ? null : milliseconds + (state.restMilliseconds ?? 0),
    activationBytes: peak,
    noise: sum(
      (f, width) =>
        f.noise && (width > 8 ? 0 : f.noise[codeBits(width, f.activationBits)]) + (f.activationNoise ?? 0),
    ),
  };
}
