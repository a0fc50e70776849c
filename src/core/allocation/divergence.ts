/** How far a quantized network is from the float one. */
export interface Divergence {
  /** Mean KL divergence of the soft-maxed scores, in nats; null where the output is not a probability distribution. */
  kl: number | null;
  /** Signal over noise, each output relative to its own power, dB. */
  sqnrDb: number;
  /** Mean over the outputs of KL divergence, or of noise over signal for what is not a probability distribution; absent in older records. */
  cost?: number;
}

/** What allocations are ranked by. */
export function costOf({ kl, sqnrDb, cost }: Divergence): number {
  return cost ?? kl ?? 10 ** (-sqnrDb / 10);
}
