/** How far a quantized network is from the float one. */
export interface Divergence {
  /** Mean KL divergence of the soft-maxed scores, in nats; null where the output is no distribution. */
  kl: number | null;
  /** Signal over noise of the first output, dB. */
  sqnrDb: number;
}

/** What allocations are ranked by: KL divergence, or noise over signal where the output is no distribution. */
export function costOf({ kl, sqnrDb }: Divergence): number {
  return kl ?? 10 ** (-sqnrDb / 10);
}
