/** The one expensive operation of rounding. Callers with a faster matrix product pass their own. */

/** a [m, k] times b [k, n], both row-major and not changed; the result is new, [m, n]. */
export type MatMul = (
  a: Float64Array,
  b: Float64Array,
  m: number,
  k: number,
  n: number,
) => Float64Array | Promise<Float64Array>;

/** Plain loops, by panels of b that stay in the cache. */
export function plainMatMul(a: Float64Array, b: Float64Array, m: number, k: number, n: number): Float64Array {
  const c = new Float64Array(m * n);
  const panel = 64;
  for (let start = 0; start < k; start += panel) {
    const end = Math.min(k, start + panel);
    for (let i = 0; i < m; i++) {
      const row = i * n;
      for (let p = start; p < end; p++) {
        const factor = a[i * k + p];
        if (factor === 0) continue;
        const from = p * n;
        for (let j = 0; j < n; j++) c[row + j] += factor * b[from + j];
      }
    }
  }
  return c;
}

/** A copy of rows [row, row + rows) and columns [column, column + columns) of a matrix with `stride` columns. */
export function copyBlock(
  matrix: Float64Array,
  stride: number,
  row: number,
  column: number,
  rows: number,
  columns: number,
): Float64Array {
  const block = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const from = (row + i) * stride + column;
    block.set(matrix.subarray(from, from + columns), i * columns);
  }
  return block;
}

/** The same block, transposed: [columns, rows]. */
export function copyBlockTransposed(
  matrix: Float64Array,
  stride: number,
  row: number,
  column: number,
  rows: number,
  columns: number,
): Float64Array {
  const block = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const from = (row + i) * stride + column;
    for (let j = 0; j < columns; j++) block[j * rows + i] = matrix[from + j];
  }
  return block;
}

/** Puts a [rows, columns] block into a matrix. */
export function pasteBlock(
  matrix: Float64Array,
  stride: number,
  row: number,
  column: number,
  block: Float64Array,
  columns: number,
): void {
  for (let i = 0; i * columns < block.length; i++) {
    matrix.set(block.subarray(i * columns, (i + 1) * columns), (row + i) * stride + column);
  }
}

/** matrix[rows, column + j] -= block[rows, j]. */
export function subtractBlock(
  matrix: Float64Array,
  stride: number,
  row: number,
  column: number,
  block: Float64Array,
  columns: number,
): void {
  for (let i = 0; i * columns < block.length; i++) {
    const to = (row + i) * stride + column;
    for (let j = 0; j < columns; j++) matrix[to + j] -= block[i * columns + j];
  }
}
