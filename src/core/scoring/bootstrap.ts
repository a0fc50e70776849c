/** How far an allocation depends on which samples were scored: Gram matrices of samples drawn with replacement. */
import { mulberry32 } from '../../common/random';
import type { BitWidth } from '../problem/widths';

export interface Kept {
  draws: number;
  /** Per function, the share of draws in which it got the bits that all samples give it. */
  kept: number[];
}

/**
 * The rows and columns of a Gram matrix are samples, so a draw needs no network, only indices.
 * @param grams functions x samples x samples
 * @param solve bits for Gram matrices of as many samples
 */
export function bootstrap(
  grams: Float64Array,
  functions: number,
  samples: number,
  draws: number,
  solve: (grams: Float64Array) => BitWidth[],
  next: () => number = mulberry32(1),
): Kept {
  const reference = solve(grams);
  const counts = new Array<number>(functions).fill(0);
  for (let draw = 0; draw < draws; draw++) {
    const rows = Int32Array.from({ length: samples }, () => Math.floor(next() * samples));
    const bits = solve(drawn(grams, functions, rows));
    for (let i = 0; i < functions; i++) if (bits[i] === reference[i]) counts[i]++;
  }
  return { draws, kept: counts.map((count) => Number((count / draws).toFixed(4))) };
}

/** Gram matrices of the samples with these indices. */
export function drawn(grams: Float64Array, functions: number, rows: Int32Array): Float64Array {
  const n = rows.length;
  const picked = new Float64Array(functions * n * n);
  for (let f = 0; f < functions; f++) {
    const from = f * n * n;
    for (let r = 0; r < n; r++) {
      for (let c = 0; c < n; c++) picked[from + r * n + c] = grams[from + rows[r] * n + rows[c]];
    }
  }
  return picked;
}

/** Bits kept in less than this share of draws are a matter of chance. */
const SHAKY = 0.8;
/** A network with more of its weights in shaky functions needs more samples. */
const TOO_MANY = 0.25;

/** Are the samples too few for this network? */
export function needsMoreSamples({ kept }: Kept, params: readonly number[]): boolean {
  const shaky = params.reduce((sum, count, i) => sum + (kept[i] < SHAKY ? count : 0), 0);
  return shaky > TOO_MANY * params.reduce((a, b) => a + b, 0);
}
