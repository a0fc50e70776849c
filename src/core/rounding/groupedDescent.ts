/** Coordinate descent on tr((Q - W) H (Q - W)^T) where a row has a scale per group of columns, refitted between sweeps. */
import { copyBlock, subtractBlock, type MatMul } from './matmul';
import { codeRange, nearestCode } from './problem';
import type { ScaleRounding } from './scales';

/**
 * Improves `codes` [rows, columns] and `scales` [rows, columns / group] in place. `moments` is H with its damping. Group
 * by group the scales become those of least error given everything else, then each code takes its best value; what a
 * group changes is handed on to R = (W - Q) H at once.
 */
export async function groupedDescent(
  { weights, rows, columns, bits }: { weights: Float64Array; rows: number; columns: number; bits: number },
  { codes, scales, group }: { codes: Int8Array; scales: Float64Array; group: number },
  moments: Float64Array,
  { sweeps, round, matmul }: { sweeps: number; round: ScaleRounding; matmul: MatMul },
): Promise<void> {
  const [low, high] = codeRange(bits);
  const groups = columns / group;
  const off = Float64Array.from(weights, (w, i) => w - codes[i] * scales[Math.floor(i / group)]);
  const residual = await matmul(off, moments, rows, columns, columns);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let changed = false;
    for (let g = 0; g < groups; g++) {
      const start = g * group;
      const own = copyBlock(moments, columns, start, start, group, group);
      const steps = new Float64Array(rows * group);
      for (let r = 0; r < rows; r++) {
        const row = r * columns + start;
        const near = residual.slice(row, row + group);
        const before = scales[r * groups + g];
        const scale = refitted(codes.subarray(row, row + group), near, own, before, round);
        scales[r * groups + g] = scale;
        if (scale !== before) {
          for (let i = 0; i < group; i++)
            move(near, own, group, i, (steps[r * group + i] = codes[row + i] * (scale - before)));
        }
        for (let i = 0; i < group; i++) {
          const code = nearestCode(codes[row + i] * scale + near[i] / own[i * group + i], scale, low, high);
          const step = (code - codes[row + i]) * scale;
          if (step === 0) continue;
          codes[row + i] = code;
          steps[r * group + i] += step;
          move(near, own, group, i, step);
        }
      }
      if (steps.every((step) => step === 0)) continue;
      changed = true;
      const rest = copyBlock(moments, columns, start, 0, group, columns);
      subtractBlock(residual, columns, 0, 0, await matmul(steps, rest, rows, group, columns), columns);
    }
    if (!changed) return;
  }
}

/** R = (W - Q) H within the group, after Q_i has grown by `step`. */
function move(near: Float64Array, own: Float64Array, group: number, i: number, step: number): void {
  if (step === 0) return;
  for (let j = 0; j < group; j++) near[j] -= step * own[i * group + j];
}

/** s + <R, C> / <C H, C>: the scale of least error for these codes. */
function refitted(
  codes: Int8Array,
  near: Float64Array,
  own: Float64Array,
  scale: number,
  round: ScaleRounding,
): number {
  const group = codes.length;
  let [along, length] = [0, 0];
  for (let i = 0; i < group; i++) {
    if (codes[i] === 0) continue;
    along += near[i] * codes[i];
    let dot = 0;
    for (let j = 0; j < group; j++) dot += own[i * group + j] * codes[j];
    length += dot * codes[i];
  }
  const found = length > 0 ? round(scale + along / length) : scale;
  return found * scale > 0 && Number.isFinite(found) ? found : scale;
}
