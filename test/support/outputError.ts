import type { RoundedRows } from '../../src/core/rounding/problem';

/** sum_rows d H d^T over the rows d of Q - W: the squared output error, times the number of samples. */
export function outputError(
  weights: Float64Array,
  rounded: RoundedRows,
  moments: Float64Array,
  rows: number,
  columns: number,
): number {
  let sum = 0;
  const difference = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < columns; k++) {
      difference[k] = rounded.codes[r * columns + k] * rounded.scales[r] - weights[r * columns + k];
    }
    for (let i = 0; i < columns; i++) {
      let dot = 0;
      for (let j = 0; j < columns; j++) dot += moments[i * columns + j] * difference[j];
      sum += difference[i] * dot;
    }
  }
  return sum;
}
