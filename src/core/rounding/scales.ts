/** Per-channel scales by search. */
import { codeRange, nearestCode } from './problem';

/** Rounds a scale to what can be stored. */
export type ScaleRounding = (scale: number) => number;

/** There is one more code below zero than above it: a negative scale gives it to the positive weights of a row that has larger ones. */
export const BOTH_SIGNS: readonly number[] = [1, -1];
export const POSITIVE: readonly number[] = [1];

const candidates = 30;
const [least, most] = [0.25, 1.05];
/** Per candidate, all of them by their distance to it. */
const outwards = Array.from({ length: candidates }, (_, start) =>
  Array.from({ length: candidates }, (_, c) => c).sort(
    (a, b) => Math.abs(a - start) - Math.abs(b - start) || a - b,
  ),
);
/** Elements between two looks at whether a candidate can still win. */
const chunk = 64;

/**
 * Per row, the scale s among 30 multiples 0.25 .. 1.05 of max|w| / (2^(bits-1) - 1), of every sign, that minimises
 * sum_k importance_k (q_k - w_k)^2; importance null: all 1 (plain mean square error). Rows of zeros get scale 1.
 * @param group columns that share a scale: the result is [rows, columns / group]
 * @param signs BOTH_SIGNS or POSITIVE
 */
export function searchScales(
  weights: Float64Array,
  rows: number,
  columns: number,
  bits: number,
  importance: Float64Array | null,
  round: ScaleRounding,
  group = columns,
  signs: readonly number[] = POSITIVE,
): Float64Array {
  const high = codeRange(bits)[1];
  const groups = columns / group;
  const scales = new Float64Array(rows * groups);
  const weighed = Array.from(
    { length: groups },
    (_, g) => importance?.subarray(g * group, (g + 1) * group) ?? null,
  );
  let guess = candidates - 1;
  for (let r = 0; r < scales.length; r++) {
    const row = weights.subarray(r * group, (r + 1) * group);
    const own = weighed[r % groups];
    let largest = 0;
    for (let k = 0; k < group; k++) largest = Math.max(largest, Math.abs(row[k]));
    let best = guess;
    let bestScale = 1;
    let bestError = Infinity;
    // From the previous row's answer outwards: the sooner a good one is found, the sooner the others are given up.
    for (const c of outwards[guess]) {
      const factor = least + ((most - least) * c) / (candidates - 1);
      const size = round((factor * largest) / high);
      if (!(size > 0)) continue;
      for (const sign of signs) {
        const error = squareError(row, sign * size, bits, own, bestError);
        if (error < bestError || (error === bestError && c < best)) {
          bestError = error;
          best = c;
          bestScale = sign * size;
        }
      }
    }
    guess = best;
    scales[r] = bestScale;
  }
  return scales;
}

/** sum_k importance_k (q_k - w_k)^2; given up for Infinity as soon as it passes `limit`. */
function squareError(
  row: Float64Array,
  scale: number,
  bits: number,
  importance: Float64Array | null,
  limit: number,
): number {
  const [low, high] = codeRange(bits);
  let error = 0;
  for (let start = 0; start < row.length; start += chunk) {
    const end = Math.min(row.length, start + chunk);
    for (let k = start; k < end; k++) {
      const difference = nearestCode(row[k], scale, low, high) * scale - row[k];
      error += importance === null ? difference * difference : importance[k] * difference * difference;
    }
    if (error > limit) return Infinity;
  }
  return error;
}
