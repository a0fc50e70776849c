/** Second moments made ready for rounding in which the inputs to come make up for each error. */
import { inverseCholesky } from './cholesky';
import type { MatMul } from './matmul';

export interface Compensation {
  /** Columns by rising diag(H): GPTQ starts at the last. */
  order: Int32Array;
  /** H, [columns, columns], in that order. */
  h: Float64Array;
  /** Mean of diag(H). */
  mean: number;
  /** L^-1 of H + damping * mean * I = L L^T, in that order. */
  factor: Float64Array;
}

/** Damping of H, as a fraction of its mean diagonal. */
export const DAMPING = 0.01;

/** @param moments H, [columns, columns], not all zero */
export async function compensationOf(
  moments: Float64Array,
  columns: number,
  matmul: MatMul,
): Promise<Compensation> {
  const order = risingDiagonal(moments, columns);
  const h = permuteBoth(moments, order);
  const mean = meanDiagonal(h, columns);
  const factor = await inverseCholesky(withDamping(h, columns, DAMPING * mean), columns, matmul);
  return { order, h, mean, factor };
}

/**
 * What is left of each input's power for its own column's rounding error once the columns to come make up for the rest:
 * the error of GPTQ's output is sum_j D_j (q_j - w_j)^2 with w_j as it stands when its turn comes, D_j the powers returned
 * (Chee et al., QuIP, 2023, theorem 1). Inputs that tell each other leave little; a mean that they share leaves nothing.
 * @returns [columns], in the order of the weights
 */
export function compensatedPowers({ order, factor }: Compensation): Float64Array {
  const columns = order.length;
  const powers = new Float64Array(columns);
  for (let j = 0; j < columns; j++) powers[order[j]] = factor[j * columns + j] ** -2;
  return powers;
}

export function diagonalOf(h: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => h[i * n + i]);
}

export function withDamping(h: Float64Array, n: number, amount: number): Float64Array {
  const damped = Float64Array.from(h);
  for (let i = 0; i < n; i++) damped[i * n + i] += amount;
  return damped;
}

function risingDiagonal(h: Float64Array, n: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  return order.sort((a, b) => h[a * n + a] - h[b * n + b] || b - a);
}

function permuteBoth(matrix: Float64Array, order: Int32Array): Float64Array {
  const n = order.length;
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const from = order[i] * n;
    for (let j = 0; j < n; j++) result[i * n + j] = matrix[from + order[j]];
  }
  return result;
}

function meanDiagonal(h: Float64Array, n: number): number {
  return diagonalOf(h, n).reduce((sum, value) => sum + value, 0) / n;
}
