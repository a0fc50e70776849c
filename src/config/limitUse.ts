/** How much of each limit a config's bits use. */
import { codeBits } from '../common/integerProduct';
import { LIMIT_KINDS, type LimitKind } from './limits';
import { NOISE_WIDTHS, type Config } from './types';

export interface LimitUse {
  kind: LimitKind;
  limit: number;
  used: number;
}

/**
 * Of the limits beside the budget.
 * @param activations per function, the elements of the activations alive while it runs, for one sample: the config does
 * not hold them, and without them nothing is said of activation memory
 */
export function limitUse(
  { allocation, functions, totals }: Config,
  activations: readonly (number | null | undefined)[] = [],
): LimitUse[] {
  const { limits = {}, activationBits = 32, restMilliseconds = 0 } = allocation;
  const sum = (of: (f: Config['functions'][number]) => number): number =>
    functions.reduce((total, f) => total + of(f), 0);
  const used: Record<LimitKind, () => number | null> = {
    bytes: () => totals.bytes,
    averageBits: () => totals.averageBits,
    bops: () => sum((f) => (f.macs ?? 0) * f.bits * (f.activationBits ?? activationBits)),
    milliseconds: () => restMilliseconds + sum((f) => f.milliseconds?.[f.bits] ?? 0),
    noise: () =>
      sum(
        (f) =>
          (f.noise?.[(NOISE_WIDTHS as readonly number[]).indexOf(codeBits(f.bits, f.activationBits))] ?? 0) +
          (f.activationNoise?.[f.activationBits ?? ''] ?? 0),
      ),
    activationBytes: () => {
      const bytes = functions.map((f, i) => {
        const alive = activations[i];
        return alive == null ? NaN : Math.ceil((alive * (f.activationBits ?? activationBits)) / 8);
      });
      const most = Math.max(...bytes);
      return Number.isNaN(most) ? null : most;
    },
  };
  return LIMIT_KINDS.flatMap((kind) => {
    const limit = limits[kind];
    const amount = used[kind]();
    return limit === undefined || amount === null ? [] : [{ kind, limit, used: amount }];
  });
}
