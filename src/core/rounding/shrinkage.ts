/**
 * Moments from few samples, shrunk towards their diagonal (Ledoit and Wolf, 2004). Positions of one picture or sentence
 * depend on each other, so what counts is how far the moments of one half of the samples are from those of the other.
 */

/** Sums over one half of the samples. */
export interface HalfMoments {
  /** U^T U, [columns, columns]; read on and left of the diagonal. */
  moments: Float64Array;
  /** Sum of U, [columns] */
  sums: Float64Array;
  /** Positions summed up. */
  count: number;
}

/** What the responses become where nothing is known but each column on its own. */
export interface Marginals {
  /** Mean of U, [columns] */
  means: Float64Array;
  /** Mean of the float network's inputs, [columns] */
  floatMeans: Float64Array;
  /** Mean of the products of the float network's inputs with U, column by column, [columns] */
  products: Float64Array;
  /** Mean of what the rows should put out, [rows] */
  outputs: Float64Array;
}

/** Of the mean variance: what keeps columns that hardly vary from deciding. */
const FLOOR = 0.01;

/**
 * The share of chance in what columns have to do with each other, 0 to 1: of the squared correlations of all pairs of
 * columns, the part that two halves of the samples do not agree on. 0 where a half is empty.
 */
export function chanceShare(a: HalfMoments, b: HalfMoments, columns: number): number {
  if (a.count === 0 || b.count === 0) return 0;
  const covariance = ({ moments, sums, count }: HalfMoments, i: number, j: number) =>
    moments[i * columns + j] / count - (sums[i] / count) * (sums[j] / count);
  const scale = new Float64Array(columns);
  let total = 0;
  for (let i = 0; i < columns; i++) {
    scale[i] = (covariance(a, i, i) + covariance(b, i, i)) / 2;
    total += scale[i];
  }
  if (!(total > 0)) return 0;
  for (let i = 0; i < columns; i++) {
    scale[i] = 1 / Math.sqrt(Math.max(0, scale[i]) + (FLOOR * total) / columns);
  }
  let chance = 0;
  let all = 0;
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < i; j++) {
      const [first, second] = [covariance(a, i, j), covariance(b, i, j)];
      chance += ((first - second) * scale[i] * scale[j]) ** 2;
      all += ((first + second) * scale[i] * scale[j]) ** 2;
    }
  }
  if (chance >= all) return chance > 0 ? 1 : 0;
  return chance / all;
}

/** Takes away `share` of every covariance of two columns in U^T U / n, [columns, columns], in place. */
export function shrinkMoments(moments: Float64Array, means: Float64Array, share: number): void {
  const columns = means.length;
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      if (i === j) continue;
      const at = i * columns + j;
      moments[at] += share * (means[i] * means[j] - moments[at]);
    }
  }
}

/**
 * The same for the responses Yf^T U / n, [rows, columns], in place: `share` of them becomes what they would be if each
 * column of U went with its own column of the float network's inputs alone.
 * @param weights [rows, columns]
 */
export function shrinkResponses(
  responses: Float64Array,
  weights: Float64Array,
  { means, floatMeans, products, outputs }: Marginals,
  share: number,
): void {
  const columns = means.length;
  for (let r = 0; r < outputs.length; r++) {
    for (let k = 0; k < columns; k++) {
      const at = r * columns + k;
      const alone = outputs[r] * means[k] + weights[at] * (products[k] - floatMeans[k] * means[k]);
      responses[at] += share * (alone - responses[at]);
    }
  }
}
