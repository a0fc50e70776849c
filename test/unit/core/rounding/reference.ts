/** Rounding as the papers write it: no blocks, dense inverses, residuals from scratch. For comparison only. */
import { codeRange, nearestCode } from '../../../../src/core/rounding/problem';

export type Rows = Float64Array[];

export function toRows(flat: ArrayLike<number>, rows: number, columns: number): Rows {
  return Array.from({ length: rows }, (_, r) =>
    Float64Array.from({ length: columns }, (_, k) => flat[r * columns + k]),
  );
}

export function multiply(a: Rows, b: Rows): Rows {
  return a.map((row) =>
    Float64Array.from({ length: b[0].length }, (_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)),
  );
}

/** Gauss-Jordan with pivoting. */
export function invert(matrix: Rows): Rows {
  const n = matrix.length;
  const work = matrix.map((row, i) => Float64Array.from([...row, ...row.map((_, j) => (i === j ? 1 : 0))]));
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c; r < n; r++) if (Math.abs(work[r][c]) > Math.abs(work[pivot][c])) pivot = r;
    [work[c], work[pivot]] = [work[pivot], work[c]];
    const scale = 1 / work[c][c];
    work[c] = work[c].map((x) => x * scale);
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const factor = work[r][c];
      work[r] = work[r].map((x, j) => x - factor * work[c][j]);
    }
  }
  return work.map((row) => row.slice(n));
}

/** GPTQ by eliminating one column of H^-1 after the other (optimal brain surgeon), columns in the given order. */
export function gptqReference(
  weights: Rows,
  h: Rows,
  scales: ArrayLike<number>,
  bits: number,
  order: number[],
): number[][] {
  const [low, high] = codeRange(bits);
  const rest = weights.map((row) => Float64Array.from(row));
  const codes = weights.map((row) => new Array<number>(row.length).fill(0));
  for (const [step, k] of order.entries()) {
    // Inverse of H over the columns not rounded yet.
    const open = order.slice(step);
    const inverse = invert(open.map((i) => Float64Array.from(open, (j) => h[i][j])));
    rest.forEach((row, r) => {
      const code = nearestCode(row[k], scales[r], low, high);
      codes[r][k] = code;
      const error = (row[k] - code * scales[r]) / inverse[0][0];
      open.forEach((i, position) => (row[i] -= error * inverse[0][position]));
    });
  }
  return codes;
}

/** One sweep of coordinate descent after refitting the scale. */
export function descentReference(
  weights: Rows,
  h: Rows,
  codes: number[][],
  scales: number[],
  bits: number,
  round: (scale: number) => number,
): void {
  const [low, high] = codeRange(bits);
  weights.forEach((w, r) => {
    const row = codes[r];
    const ch = multiply([Float64Array.from(row)], h)[0];
    const wh = multiply([w], h)[0];
    const along = row.reduce((sum, c, k) => sum + c * wh[k], 0);
    const scale = round(along / row.reduce((sum, c, k) => sum + c * ch[k], 0));
    if (scale > 0) scales[r] = scale;
    for (let i = 0; i < row.length; i++) {
      let residual = 0;
      for (let k = 0; k < row.length; k++) residual += (w[k] - row[k] * scales[r]) * h[k][i];
      row[i] = nearestCode(row[i] * scales[r] + residual / h[i][i], scales[r], low, high);
    }
  });
}
