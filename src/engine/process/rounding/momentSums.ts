/** Products of all chunks added up, and what comes of them: moments, responses, means. */
import { chanceShare, type Marginals } from '../../../core/rounding/shrinkage';
import type { Feeds } from '../ort/session';
import type { LayerRows } from './rows';

export interface Moments {
  /** Per group U^T U / n, [columns, columns]. */
  moments: Float64Array[];
  /** Per group Yf^T U / n, [rows, columns]; null where no float network was given. */
  responses: Float64Array[] | null;
  /** Per group the mean of U, [columns]. */
  means: Float64Array[];
  /** Per group the share of chance in the moments. */
  chance: number[];
  /** Per group what chance leaves of the responses; null with `responses`. */
  marginals: Marginals[] | null;
  /** Positions used (n) and there. */
  used: number;
  all: number;
}

export class MomentSums {
  /** Of two halves of the samples. */
  private readonly halves: { moments: Float64Array; sums: Float64Array; count: number }[];
  private readonly responses: Float64Array | null;
  private readonly outputs: Float64Array;
  /** [groups, columns]: of the float network's inputs, and of their products with U, column by column. */
  readonly floatSums: Float64Array;
  readonly products: Float64Array;

  constructor(
    private readonly size: LayerRows,
    private readonly tiles: readonly number[],
    responses: boolean,
  ) {
    const { groups, rows, columns } = size;
    this.halves = Array.from({ length: 2 }, () => ({
      // [groups, columns, columns], on and left of the diagonal; right of it in the tiles on it.
      moments: new Float64Array(groups * columns * columns),
      sums: new Float64Array(groups * columns),
      count: 0,
    }));
    this.responses = responses ? new Float64Array(groups * rows * columns) : null;
    this.outputs = new Float64Array(responses ? groups * rows : 0);
    this.floatSums = new Float64Array(responses ? groups * columns : 0);
    this.products = new Float64Array(responses ? groups * columns : 0);
  }

  /** @param used positions that the outputs are sums over */
  add(outputs: Feeds, used: number, half: number): void {
    const { groups, columns } = this.size;
    const { moments, sums } = this.halves[half];
    const { rows } = this.size;
    this.tiles.forEach((end, i) => {
      const from = this.tiles[i - 1] ?? 0;
      for (let j = 0; j <= i; j++) {
        const [left, right] = [this.tiles[j - 1] ?? 0, this.tiles[j]];
        const values = outputs[`moments${i}_${j}`].data as Float32Array;
        for (let g = 0, at = 0; g < groups; g++) {
          for (let row = g * columns + from; row < g * columns + end; row++) {
            for (let to = row * columns + left; to < row * columns + right; to++) moments[to] += values[at++];
          }
        }
      }
      if (!this.responses) return;
      const values = outputs[`responses${i}`].data as Float32Array;
      for (let row = 0, at = 0; row < groups * rows; row++) {
        for (let to = row * columns + from; to < row * columns + end; to++)
          this.responses[to] += values[at++];
      }
    });
    accumulate(sums, outputs.means.data as Float32Array);
    if (this.responses) accumulate(this.outputs, outputs.outputs.data as Float32Array);
    this.halves[half].count += used;
  }

  /** Of both networks' inputs, [groups, columns, used], the products column by column and the sums of the second. */
  addPairs(first: Float32Array, second: Float32Array, used: number): void {
    for (let column = 0, at = 0; column < this.products.length; column++) {
      let [product, sum] = [0, 0];
      for (const end = at + used; at < end; at++) {
        product += first[at] * second[at];
        sum += second[at];
      }
      this.products[column] += product;
      this.floatSums[column] += sum;
    }
  }

  finish(): Omit<Moments, 'all'> {
    const { groups, rows, columns } = this.size;
    const [first, second] = this.halves;
    const chance = this.chance();
    accumulate(first.moments, second.moments);
    accumulate(first.sums, second.sums);
    const used = this.halves.reduce((sum, { count }) => sum + count, 0);
    const divided = (sums: Float64Array, size: number) => {
      for (let i = 0; i < sums.length; i++) sums[i] /= used;
      return Array.from({ length: groups }, (_, g) => sums.subarray(g * size, (g + 1) * size));
    };
    const moments = divided(first.moments, columns * columns);
    for (const matrix of moments) mirror(matrix, columns);
    const means = divided(first.sums, columns);
    const responses = this.responses && divided(this.responses, rows * columns);
    const products = divided(this.products, columns);
    const floatMeans = divided(this.floatSums, columns);
    const outputs = divided(this.outputs, rows);
    const marginals =
      responses &&
      means.map((_, g) => ({
        means: means[g],
        floatMeans: floatMeans[g],
        products: products[g],
        outputs: outputs[g],
      }));
    return { moments, means, chance, responses, marginals, used };
  }

  /** Per group. */
  private chance(): number[] {
    const { groups, columns } = this.size;
    const [a, b] = this.halves.map(({ moments, sums, count }) => (g: number) => ({
      moments: moments.subarray(g * columns * columns, (g + 1) * columns * columns),
      sums: sums.subarray(g * columns, (g + 1) * columns),
      count,
    }));
    return Array.from({ length: groups }, (_, g) => chanceShare(a(g), b(g), columns));
  }
}

/** Copies what is left of the diagonal to its right, by tiles that stay in the cache. */
function mirror(matrix: Float64Array, n: number): void {
  const tile = 32;
  for (let top = 0; top < n; top += tile) {
    for (let left = 0; left <= top; left += tile) {
      for (let i = top; i < Math.min(n, top + tile); i++) {
        for (let j = left; j < Math.min(i, left + tile); j++) matrix[j * n + i] = matrix[i * n + j];
      }
    }
  }
}

function accumulate(sums: Float64Array, values: Float32Array | Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i];
}
