/** Is one of two costs, measured on the same samples, really lower? */

/** With a single sample there is no spread to judge by: the gain must be at least this share. */
const GAIN_OF_ONE = 0.05;
/** Many comparisons are made on the same samples, so that one standard error would be exceeded by chance soon. */
const ERRORS = 2;

/** By more than two standard errors of the mean gain per sample. */
export function isLower(costs: readonly number[], than: readonly number[]): boolean {
  const gains = than.map((cost, i) => cost - costs[i]);
  const mean = gains.reduce((a, b) => a + b, 0) / gains.length;
  if (gains.length < 2) return gains.length === 0 || mean > GAIN_OF_ONE * than[0];
  const squares = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0);
  return mean > ERRORS * Math.sqrt(squares / (gains.length - 1) / gains.length);
}
