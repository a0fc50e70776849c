/** Is one of two costs, measured on the same blocks of samples, really lower? */

/** With a single block there is no spread to judge by: the gain must be at least this share. */
const GAIN_OF_ONE = 0.05;

/** By more than its standard error over the blocks. */
export function isLower(costs: readonly number[], than: readonly number[]): boolean {
  const gains = than.map((cost, i) => cost - costs[i]);
  const mean = gains.reduce((a, b) => a + b, 0) / gains.length;
  if (gains.length < 2) return gains.length === 0 || mean > GAIN_OF_ONE * than[0];
  const squares = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0);
  return mean > Math.sqrt(squares / (gains.length - 1) / gains.length);
}
