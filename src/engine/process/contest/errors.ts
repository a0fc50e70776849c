/** Errors of rounded weights and inputs, and their energy at a layer's output. */
import { bitsOf } from '../../../common/storageCode';
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { ActivationHistogram, gridOf } from '../../../core/rounding/activationRange';
import { roundRows } from '../../../core/rounding/rows';
import { span } from '../job/trace';
import type { QuadraticForms } from '../ort/quadratic';
import type { Moments } from '../rounding/momentSums';
import type { Tensors } from '../rounding/positions';
import type { LayerRows } from '../rounding/rows';
import { sharedBy } from '../rounding/wideLayers';

/** Q - W, rounded to nearest. @param powers per group and column, what errors weigh; null: all alike */
export async function roundingError(
  weights: Float64Array,
  { groups, rows, columns }: LayerRows,
  powers: readonly Float64Array[] | null,
  code: number,
): Promise<Float64Array> {
  const difference = new Float64Array(weights.length);
  const size = rows * columns;
  const group = sharedBy(code, columns);
  for (let g = 0; g < groups; g++) {
    const own = weights.subarray(g * size, (g + 1) * size);
    const problem = { weights: own, rows, columns, bits: bitsOf(code), group, powers: powers?.[g] };
    const { codes, scales } = await roundRows(problem, 'nearest', { roundScale: Math.fround });
    for (let s = 0, i = 0; s < scales.length; s++) {
      for (const end = i + group; i < end; i++) difference[g * size + i] = codes[i] * scales[s] - own[i];
    }
  }
  return difference;
}

/** Sum of the squares of V, each times what its column weighs. */
export function weighedEnergy(
  values: Float64Array,
  { rows, columns }: LayerRows,
  powers: readonly Float64Array[],
): number {
  let sum = 0;
  for (let row = 0; row < values.length / columns; row++) {
    const own = powers[Math.floor(row / rows)];
    for (let k = 0; k < columns; k++) sum += own[k] * values[row * columns + k] ** 2;
  }
  return sum;
}

/** E ||V x||^2 for each V, [groups, rows, columns]. */
export function energiesOf(
  matrices: readonly Float64Array[],
  { groups, rows, columns }: LayerRows,
  { moments }: Moments,
  forms: QuadraticForms,
): Promise<number[]> {
  return span('energy', async () => {
    const size = rows * columns;
    const energies = matrices.map(() => 0);
    for (let g = 0; g < groups; g++) {
      const own = matrices.map((values) => values.subarray(g * size, (g + 1) * size));
      const sums = await forms.sums(own, moments[g], columns);
      sums.forEach((sum, i) => (energies[i] += sum));
    }
    return energies;
  });
}

/** ||W E x||^2 */
export function energyOfMeans(weights: Float64Array, size: LayerRows, { means }: Moments): number {
  const { groups, rows, columns } = size;
  let squares = 0;
  for (let row = 0; row < groups * rows; row++) {
    const mean = means[Math.floor(row / rows)];
    let output = 0;
    for (let k = 0; k < columns; k++) output += weights[row * columns + k] * mean[k];
    squares += output ** 2;
  }
  return squares;
}

/** Q(x) - x of a tensor in every block, on the grid of its percentile range: the default of an export. */
export function inputError(prefix: Tensors, name: string, bits: number): Tensors {
  const values = Array.from({ length: prefix.blockCount }, (_, block) => numbers(prefix.tensor(block, name)));
  const ends = { low: 0, high: 0 };
  for (const block of values) {
    for (let i = 0; i < block.length; i++) {
      if (block[i] < ends.low) ends.low = block[i];
      if (block[i] > ends.high) ends.high = block[i];
    }
  }
  const histogram = new ActivationHistogram(ends);
  for (const block of values) histogram.add(block);
  const steps = 2 ** bits - 1;
  const { scale, zeroPoint } = gridOf(histogram.range('percentile', steps), bits);
  return {
    blockCount: prefix.blockCount,
    tensor: (block) => ({
      type: 'float32',
      dims: prefix.tensor(block, name).dims,
      data: Float32Array.from(values[block], (x) => {
        const code = Math.min(steps, Math.max(0, Math.round(x / scale) + zeroPoint));
        return (code - zeroPoint) * scale - x;
      }),
    }),
  };
}
