/** What is rounded: the rows of a layer's weights that see the same inputs. */
import type { Compensation } from './compensation';

export type RoundingMethod = 'nearest' | 'gptq' | 'reconstruct';

/**
 * Rows (output channels) of one group of a layer. Columns are the inputs of a row: the group's input channels times the
 * kernel positions. Everything is row-major.
 */
export interface RowsProblem {
  /** [rows, columns] */
  weights: Float64Array;
  rows: number;
  columns: number;
  /** 2 to 8 */
  bits: number;
  /** Columns, one after the other, that share a scale; divides them. Default: all. */
  group?: number;
  /** Scales must be above zero, as integer kernels take them. Default: either sign. */
  positive?: boolean;
  /** H = U^T U / n, [columns, columns]: second moments of the inputs from the quantized prefix. Not for 'nearest'. */
  moments?: Float64Array;
  /** Of `moments`, where they are rounded by more than once. */
  compensation?: Compensation;
  /** Per column what errors weigh when scales are chosen; default: all alike. Not for 'reconstruct', which has moments. */
  powers?: Float64Array;
  /** Yf^T U / n, [rows, columns], Yf: these rows' float weights on the float network's inputs. Only for 'reconstruct'. */
  responses?: Float64Array;
}

export interface RoundedRows {
  /** [rows, columns], each in [-2^(bits-1), 2^(bits-1) - 1]. */
  codes: Int8Array;
  /** [rows, columns / group]: one per row and group, of either sign; what a stored scale can hold. */
  scales: Float32Array;
}

/** Smallest and largest code. */
export function codeRange(bits: number): [number, number] {
  return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** 1.5 * 2^52: added to a small number and taken away again, it leaves the nearest integer (ties to even). */
const TO_INTEGER = 6755399441055744;

/** The nearest code to value / scale. Several times faster than with Math.round. */
export function nearestCode(value: number, scale: number, low: number, high: number): number {
  const code = value / scale;
  return code <= low ? low : code >= high ? high : code + TO_INTEGER - TO_INTEGER;
}
