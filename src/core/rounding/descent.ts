/** Coordinate descent on the output error tr((Q - W) H (Q - W)^T), with scales refitted between sweeps. */
import { copyBlock, subtractBlock, type MatMul } from './matmul';
import { codeRange, nearestCode } from './problem';
import type { ScaleRounding } from './scales';

/** Wide: what a block changes is written to all other columns once, however many they are. */
const blockSize = 256;

/**
 * Improves `codes` [rows, columns] and `scales` (one per row) in place. `moments` is H with its damping, [columns,
 * columns]. Per sweep the scale becomes <W H, C> / <C H, C>, then each column in turn takes the best code given all
 * others: C_i = round((Q_i + R_i / H_ii) / s), R = (W - Q) H.
 */
export async function coordinateDescent(
  weights: Float64Array,
  rows: number,
  columns: number,
  bits: number,
  codes: Int8Array,
  scales: Float64Array,
  moments: Float64Array,
  sweeps: number,
  round: ScaleRounding,
  matmul: MatMul,
): Promise<void> {
  const [low, high] = codeRange(bits);
  const target = await matmul(weights, moments, rows, columns, columns);
  // C H in units of codes; kept up to date with the codes, so refitting a scale needs no product.
  const image = await matmul(Float64Array.from(codes), moments, rows, columns, columns);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    refitScales(codes, scales, target, image, rows, columns, round);
    let changed = false;
    for (let start = 0; start < columns; start += blockSize) {
      const width = Math.min(blockSize, columns - start);
      const steps = new Float64Array(rows * width);
      for (let r = 0; r < rows; r++) {
        const scale = scales[r];
        const row = r * columns;
        for (let i = start; i < start + width; i++) {
          const pivot = i * columns;
          const residual = target[row + i] - scale * image[row + i];
          const code = nearestCode(codes[row + i] * scale + residual / moments[pivot + i], scale, low, high);
          const step = code - codes[row + i];
          if (step === 0) continue;
          codes[row + i] = code;
          steps[r * width + i - start] = step;
          changed = true;
          for (let j = start; j < start + width; j++) image[row + j] += step * moments[pivot + j];
        }
      }
      await pushSteps(steps, image, moments, rows, columns, start, width, matmul);
    }
    if (!changed) return;
  }
}

function refitScales(
  codes: Int8Array,
  scales: Float64Array,
  target: Float64Array,
  image: Float64Array,
  rows: number,
  columns: number,
  round: ScaleRounding,
): void {
  for (let r = 0; r < rows; r++) {
    let along = 0;
    let length = 0;
    for (let k = r * columns; k < (r + 1) * columns; k++) {
      along += target[k] * codes[k];
      length += image[k] * codes[k];
    }
    const scale = round(along / length);
    if (scale * scales[r] > 0 && Number.isFinite(scale)) scales[r] = scale;
  }
}

/** image += steps H[block, :] for the columns outside the block, which was brought up to date step by step. */
async function pushSteps(
  steps: Float64Array,
  image: Float64Array,
  moments: Float64Array,
  rows: number,
  columns: number,
  start: number,
  width: number,
  matmul: MatMul,
): Promise<void> {
  if (width === columns || steps.every((step) => step === 0)) return;
  for (let i = 0; i < steps.length; i++) steps[i] = -steps[i];
  for (const [from, to] of [
    [0, start],
    [start + width, columns],
  ]) {
    if (from === to) continue;
    const block = copyBlock(moments, columns, start, from, width, to - from);
    const product = await matmul(steps, block, rows, width, to - from);
    subtractBlock(image, columns, 0, from, product, to - from);
  }
}
