/** GPTQ (Frantar et al., 2023): round column by column, and let the columns to come make up for the error. */
import { copyBlock, subtractBlock, type MatMul } from './matmul';
import { codeRange, nearestCode } from './problem';

const blockSize = 128;

/**
 * Codes for `weights` [rows, columns] at fixed scales (one per row, or per row and group). `factor` is L^-1 of the damped second moments
 * H = L L^T, [columns, columns]: columns are rounded from the last to the first, and the error of column j moves to
 * the columns before it by row j of the factor (in the paper's order, the upper Cholesky factor of H^-1).
 */
export async function gptq(
  weights: Float64Array,
  rows: number,
  columns: number,
  bits: number,
  scales: Float64Array,
  factor: Float64Array,
  matmul: MatMul,
  /** Where a row has several scales: how many, and which one each column has. */
  groups?: { count: number; of: Int32Array },
): Promise<Int8Array> {
  const [low, high] = codeRange(bits);
  const rest = Float64Array.from(weights);
  const codes = new Int8Array(rows * columns);
  for (let end = columns; end > 0; end -= blockSize) {
    const start = Math.max(0, end - blockSize);
    const width = end - start;
    const errors = new Float64Array(rows * width);
    for (let r = 0; r < rows; r++) {
      const row = r * columns;
      for (let j = end - 1; j >= start; j--) {
        const scale = groups ? scales[r * groups.count + groups.of[j]] : scales[r];
        const value = rest[row + j];
        const code = nearestCode(value, scale, low, high);
        codes[row + j] = code;
        const pivot = j * columns;
        const error = (value - code * scale) / factor[pivot + j];
        errors[r * width + j - start] = error;
        for (let i = start; i < j; i++) rest[row + i] -= error * factor[pivot + i];
      }
    }
    if (start > 0) {
      const block = copyBlock(factor, columns, start, 0, width, start);
      subtractBlock(rest, columns, 0, 0, await matmul(errors, block, rows, width, start), start);
    }
  }
  return codes;
}
