/** How much of each limit a config's bits use. */
import { storageCode, storageCodes } from '../common/storageCode';
import { usesOf } from '../core/problem/facts';
import { LIMIT_KINDS, type LimitKind } from './limits';
import { noiseByWidth } from './noise';
import type { Config } from './types';

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
  const facts = functions.map((f, i) => ({
    ...f,
    bytes: { [storageCode(f.bits, f.group)]: f.bytes },
    noise: noiseByWidth(f),
    activations: activations[i],
  }));
  const uses = usesOf(facts, storageCodes(functions), { ...allocation, fixedBytes: totals.fixedBytes });
  return LIMIT_KINDS.flatMap((kind) => {
    const limit = allocation.limits?.[kind];
    // Scales of groups count, which the functions alone do not tell.
    const used = kind === 'averageBits' ? totals.averageBits : uses[kind];
    return limit === undefined || used === null ? [] : [{ kind, limit, used }];
  });
}
