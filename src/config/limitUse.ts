/** How much of each limit a config's bits use. */
import { LIMIT_KINDS, type LimitKind } from './limits';
import { NOISE_WIDTHS, type Config } from './types';

export interface LimitUse {
  kind: LimitKind;
  limit: number;
  used: number;
}

/** Of the limits beside the budget that can be told from the config alone: all but activation memory. */
export function limitUse({ allocation, functions, totals }: Config): LimitUse[] {
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
          (f.noise?.[(NOISE_WIDTHS as readonly number[]).indexOf(f.bits)] ?? 0) +
          (f.activationNoise?.[f.activationBits ?? ''] ?? 0),
      ),
    activationBytes: () => null,
  };
  return LIMIT_KINDS.flatMap((kind) => {
    const limit = limits[kind];
    const amount = used[kind]();
    return limit === undefined || amount === null ? [] : [{ kind, limit, used: amount }];
  });
}
