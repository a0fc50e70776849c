/**
 * Layers whose second moments no memory limit has room for (25,088 inputs behind a Flatten: 40 GB). They are rounded to
 * nearest by the power of each input alone, and their noise is counted as if inputs were uncorrelated.
 */
import { bitsOf, groupOf } from '../../../common/storageCode';
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { roundRows } from '../../../core/rounding/rows';
import type { LayerRows } from './rows';
import type { Im2colLayer } from './im2col';
import type { Tensors } from './positions';
import type { LayerwiseRun } from './layerwiseRun';

/** E x^2 of each input of the rows; null where these are no last axis of the layer's input. */
export function inputPowers(unfolded: Im2colLayer, tensors: Tensors): Float64Array | null {
  const { layer, rows } = unfolded;
  if (!readsLastAxis(unfolded)) return null;
  const powers = new Float64Array(rows.columns);
  let count = 0;
  for (let block = 0; block < tensors.blockCount; block++) {
    const values = numbers(tensors.tensor(block, layer.input));
    for (let i = 0, k = 0; i < values.length; i++) {
      powers[k] += values[i] ** 2;
      if (++k === rows.columns) k = 0;
    }
    count += values.length / rows.columns;
  }
  for (let k = 0; k < powers.length; k++) powers[k] /= Math.max(1, count);
  return powers;
}

/** Variance of the layer's output over all positions, summed over its channels; from its own run. */
export async function outputVariance(
  { layer, node, rows }: Im2colLayer,
  prefix: LayerwiseRun,
): Promise<number> {
  const channels = rows.rows;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let count = 0;
  for (const feeds of await prefix.probe([node], [layer.output], new Map())) {
    const values = numbers(feeds[layer.output]);
    for (let i = 0; i < values.length; i++) {
      sums[i % channels] += values[i];
      squares[i % channels] += values[i] ** 2;
    }
    count += values.length / channels;
  }
  return squares.reduce((sum, square, c) => sum + square / count - (sums[c] / count) ** 2, 0);
}

/**
 * E ||dW x||^2 per storageCode for uncorrelated inputs, and E ||W x||^2 of these.
 * @param powers E x^2 per column; null: all alike
 */
export async function wideNoise(
  weights: Float64Array,
  { groups, rows, columns }: LayerRows,
  powers: Float64Array | null,
  codes: readonly number[],
): Promise<{ energy: number; errors: Map<number, number> }> {
  const energyOf = (at: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += at(i) ** 2 * (powers ? powers[i % columns] : 1);
    return sum;
  };
  const errors = new Map<number, number>();
  for (const code of codes) {
    const group = sharedBy(code, columns);
    const problem = {
      weights,
      rows: groups * rows,
      columns,
      bits: bitsOf(code),
      group,
      powers: powers ?? undefined,
    };
    const found = await roundRows(problem, 'nearest', { roundScale: Math.fround });
    errors.set(
      code,
      energyOf((i) => found.codes[i] * found.scales[Math.floor(i / group)] - weights[i]),
    );
  }
  return { energy: energyOf((i) => weights[i]), errors };
}

/** Columns that share a scale. */
export function sharedBy(code: number, columns: number): number {
  return groupOf(code) || columns;
}

function readsLastAxis({ kernel, left, columnsLast, rows, layer }: Im2colLayer): boolean {
  return kernel.length === 0 && !left && columnsLast && rows.groups === 1 && !layer.readsHidden;
}
