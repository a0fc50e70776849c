/** Inverse Cholesky factor by blocks of columns, so that nearly all of the work is matrix products. */
import { copyBlock, copyBlockTransposed, pasteBlock, subtractBlock, type MatMul } from './matmul';

const blockSize = 192;
/** Parts of a triangular factor: products leave out most of its zeros. */
const strips = 8;

/**
 * For a symmetric positive definite A = L L^T, [n, n] row-major: L^-1, lower triangular, so that A^-1 = L^-T L^-1.
 * A is not changed. Throws a RangeError where A is not positive definite.
 */
export async function inverseCholesky(a: Float64Array, n: number, matmul: MatMul): Promise<Float64Array> {
  const lower = Float64Array.from(a);
  const inverse = new Float64Array(n * n);
  for (let k = 0; k < n; k += blockSize) {
    const size = Math.min(blockSize, n - k);
    if (k > 0) {
      // Left-looking: one product brings this column block up to date.
      const left = copyBlock(lower, n, k, 0, n - k, k);
      const right = copyBlockTransposed(lower, n, k, 0, size, k);
      subtractBlock(lower, n, k, k, await matmul(left, right, n - k, k, size), size);
    }
    const diagonal = copyBlock(lower, n, k, k, size, size);
    factor(diagonal, size);
    const diagonalInverse = invertLower(diagonal, size);
    pasteBlock(lower, n, k, k, diagonal, size);
    const below = n - k - size;
    if (below > 0) {
      const panel = copyBlock(lower, n, k + size, k, below, size);
      const transposed = copyBlockTransposed(diagonalInverse, size, 0, 0, size, size);
      pasteBlock(lower, n, k + size, k, await matmul(panel, transposed, below, size, size), size);
    }
    pasteBlock(inverse, n, k, k, diagonalInverse, size);
    if (k > 0) {
      // Row block k of the inverse: -D^-1 (L[k, 0:k] X[0:k, 0:k]).
      const product = await timesLower(lower, inverse, n, k, size, matmul);
      const block = await matmul(diagonalInverse, product, size, size, k);
      for (let i = 0; i < block.length; i++) block[i] = -block[i];
      pasteBlock(inverse, n, k, 0, block, k);
    }
  }
  return inverse;
}

/** L[k : k + size, 0 : k] X[0 : k, 0 : k], X lower triangular. */
async function timesLower(
  lower: Float64Array,
  inverse: Float64Array,
  n: number,
  k: number,
  size: number,
  matmul: MatMul,
): Promise<Float64Array> {
  const product = new Float64Array(size * k);
  const width = Math.ceil(k / strips);
  for (let from = 0; from < k; from += width) {
    const columns = Math.min(width, k - from);
    const left = copyBlock(lower, n, k, from, size, k - from);
    const right = copyBlock(inverse, n, from, from, k - from, columns);
    pasteBlock(product, k, 0, from, await matmul(left, right, size, k - from, columns), columns);
  }
  return product;
}

/** Cholesky factor in place; zeros above the diagonal. */
function factor(a: Float64Array, n: number): void {
  for (let j = 0; j < n; j++) {
    let pivot = a[j * n + j];
    for (let p = 0; p < j; p++) pivot -= a[j * n + p] ** 2;
    if (!(pivot > 0)) throw new RangeError('The matrix is not positive definite.');
    const root = Math.sqrt(pivot);
    a[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = a[i * n + j];
      for (let p = 0; p < j; p++) sum -= a[i * n + p] * a[j * n + p];
      a[i * n + j] = sum / root;
    }
    for (let i = 0; i < j; i++) a[i * n + j] = 0;
  }
}

function invertLower(lower: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const scale = 1 / lower[i * n + i];
    inverse[i * n + i] = scale;
    for (let p = 0; p < i; p++) {
      const factor = -lower[i * n + p] * scale;
      if (factor === 0) continue;
      for (let j = 0; j <= p; j++) inverse[i * n + j] += factor * inverse[p * n + j];
    }
  }
  return inverse;
}
