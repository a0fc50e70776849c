/** Gram matrices -> the orthogonality metric (ORM) between all functions of a network. */

export interface OrthogonalityOptions {
  /** Centre the Gram matrices first (ORM is then linear CKA, as the released code has it); false: the paper's formula. */
  centered: boolean;
}

/**
 * A function whose (centred) Gram matrix is smaller than this fraction of the matrix it came from has an output that does
 * not depend on the input, as far as float32 activations can tell.
 */
const CONSTANT_BELOW = 1e-6;

/**
 * ORM_ij = <G_i, G_j> / (||G_i||_F ||G_j||_F), Ma et al. 2023, equation 3; in [0, 1], exactly 1 on the diagonal.
 *
 * A constant output (its centred Gram matrix is zero) leaves the quotient undefined. Such a function says nothing that
 * any other does not say, so its ORM is taken as 1 with everything: it comes out as the least important one, and the
 * order of the others does not change. The same holds for an output of zeros when nothing is centred.
 *
 * @param grams L matrices of N x N, row-major, one after the other, uncentred; not changed
 * @returns L x L, row-major, symmetric
 * @throws RangeError where sizes do not match or a Gram matrix holds NaN or infinity
 */
export function gramToOrm(
  grams: Float64Array,
  functions: number,
  samples: number,
  { centered }: OrthogonalityOptions,
): Float64Array {
  checkGrams(grams, functions, samples, centered);
  const size = samples * samples;
  const unit = Float64Array.from(grams);
  const constant = new Uint8Array(functions);
  for (let i = 0; i < functions; i++) {
    const gram = unit.subarray(i * size, (i + 1) * size);
    const raw = scaleToUnit(gram);
    if (raw === 0) {
      constant[i] = 1;
    } else if (centered) {
      center(gram, samples);
      if (scaleToUnit(gram) <= CONSTANT_BELOW) constant[i] = 1;
    }
  }
  const orm = new Float64Array(functions * functions).fill(1);
  for (let i = 0; i < functions; i++) {
    for (let j = 0; j < i; j++) {
      const value = constant[i] || constant[j] ? 1 : dot(unit, i * size, j * size, size);
      // The inner product of two positive semidefinite matrices is not negative; rounding may leave [0, 1].
      orm[i * functions + j] = orm[j * functions + i] = Math.min(1, Math.max(0, value));
    }
  }
  return orm;
}

/** Whether no function tells the samples apart: nothing can be said about any of them then. */
export function isAllAlike(grams: Float64Array, samples: number): boolean {
  const size = samples * samples;
  for (let from = 0; from < grams.length; from += size) {
    const gram = grams.slice(from, from + size);
    if (scaleToUnit(gram) === 0) continue;
    center(gram, samples);
    if (scaleToUnit(gram) > CONSTANT_BELOW) return false;
  }
  return true;
}

/** G <- H G H with H = I - 11^T / N, in place. */
function center(gram: Float64Array, n: number): void {
  const rowMean = new Float64Array(n);
  const columnMean = new Float64Array(n);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c < n; c++) {
      const value = gram[r * n + c] / n;
      rowMean[r] += value;
      columnMean[c] += value;
    }
  }
  const mean = rowMean.reduce((sum, value) => sum + value / n, 0);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c < n; c++) gram[r * n + c] += mean - rowMean[r] - columnMean[c];
  }
}

/** Divides by the Frobenius norm and returns that norm; by way of the largest entry, so that nothing overflows. */
function scaleToUnit(gram: Float64Array): number {
  let largest = 0;
  for (const value of gram) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 0;
  let sum = 0;
  for (const value of gram) sum += (value / largest) ** 2;
  const root = Math.sqrt(sum);
  for (let k = 0; k < gram.length; k++) gram[k] = gram[k] / largest / root;
  return largest * root;
}

function dot(values: Float64Array, a: number, b: number, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += values[a + k] * values[b + k];
  return sum;
}

function checkGrams(grams: Float64Array, functions: number, samples: number, centered: boolean): void {
  if (!Number.isInteger(functions) || functions < 1)
    throw new RangeError('There are no functions to compare.');
  if (!Number.isInteger(samples) || samples < 1) throw new RangeError('There are no calibration samples.');
  if (centered && samples < 2) {
    throw new RangeError('Centred orthogonality needs at least two calibration samples.');
  }
  const expected = functions * samples * samples;
  if (grams.length !== expected) {
    throw new RangeError(
      `${functions} Gram matrices of ${samples} x ${samples} are ${expected} numbers, not ${grams.length}.`,
    );
  }
  const bad = grams.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const at = Math.floor(bad / (samples * samples));
    throw new RangeError(`The Gram matrix of function ${at} holds ${grams[bad]}: its activations overflow.`);
  }
}
