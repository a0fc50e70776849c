/** Noise of an embedding table: what rounding does to the rows that the samples pick, weighted by how often they do. */
import { product } from '../../../onnx/proto/dims';
import { bitsOf } from '../../../common/storageCode';
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { roundRows } from '../../../core/rounding/rows';
import type { Graph } from '../../../onnx/graph/graph';
import type { Layer } from '../../../onnx/network/network';

import type { Tensors } from './positions';
import { gatherRows, storedRows } from './rows';
import { sharedBy } from './wideLayers';

/** E ||x||^2 - ||E x||^2 of the rows x that are picked, and E ||dx||^2 per storageCode. */
export interface TableNoise {
  variance: number;
  errors: Map<number, number>;
}

/**
 * @param values of the stored table
 * @param shares per row number, the share of picks that pick it
 */
export async function tableNoise(
  layer: Layer,
  values: Float32Array,
  shares: Float64Array,
  codes: readonly number[],
): Promise<TableNoise> {
  const { stored, columns } = storedRows(layer);
  const { axis } = layer.picks!;
  const inner = product(layer.weightShape.slice(axis + 1));
  const numberOf = (row: number) => Math.floor(stored[row * columns] / inner) % shares.length;
  // Rows that nobody picks add nothing, and most rows of a vocabulary are such.
  const seen = Array.from({ length: stored.length / columns }, (_, row) => row).filter(
    (row) => shares[numberOf(row)] > 0,
  );
  const picked = new Int32Array(seen.length * columns);
  seen.forEach((row, i) => picked.set(stored.subarray(row * columns, (row + 1) * columns), i * columns));
  const weights = gatherRows(values, { stored: picked });
  const share = (i: number) => shares[numberOf(seen[Math.floor(i / columns)])];
  const energy = (of: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += share(i) * of(i) ** 2;
    return sum;
  };
  const errors = new Map<number, number>();
  for (const code of codes) {
    const group = sharedBy(code, columns);
    const problem = { weights, rows: seen.length, columns, bits: bitsOf(code), group };
    const found = await roundRows(problem, 'nearest', { roundScale: Math.fround });
    errors.set(
      code,
      energy((i) => found.codes[i] * found.scales[Math.floor(i / group)] - weights[i]),
    );
  }
  // The same place in every row that is picked.
  const places = stored.length / shares.length;
  const means = new Float64Array(places);
  const nth = new Map<number, number>();
  seen.forEach((row, i) => {
    const number = numberOf(row);
    const from = nth.get(number) ?? 0;
    nth.set(number, from + columns);
    for (let k = 0; k < columns; k++) means[from + k] += shares[number] * weights[i * columns + k];
  });
  const variance = energy((i) => weights[i]) - means.reduce((sum, mean) => sum + mean ** 2, 0);
  return { variance: Math.max(0, variance), errors };
}

/** Per row number, how often the samples pick it, as a share of all picks; all alike where the file picks. */
export function pickShares(
  { input, picks, weightShape }: Layer,
  graph: Graph,
  prefix: Tensors,
): Float64Array {
  const count = weightShape[picks!.axis];
  const shares = new Float64Array(count);
  if (graph.isConstant(input)) return shares.fill(1 / count);
  for (let block = 0; block < prefix.blockCount; block++) {
    const tensor = prefix.tensor(block, input);
    if (picks!.by === 'oneHot') {
      const vectors = numbers(tensor);
      for (let i = 0; i < vectors.length; i++) shares[i % count] += vectors[i];
      continue;
    }
    const { data } = tensor;
    for (let i = 0; i < data.length; i++) {
      const number = Number(data[i]);
      shares[number < 0 ? number + count : number]++;
    }
  }
  const all = shares.reduce((sum, each) => sum + each, 0);
  for (let i = 0; i < count; i++) shares[i] = all > 0 ? shares[i] / all : 1 / count;
  return shares;
}
