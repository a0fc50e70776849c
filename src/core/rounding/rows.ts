/**
 * Rounding of one group of rows, by the method asked for. 'reconstruct' is the recipe that lost least in our
 * measurements: target corrected half-way for the quantized prefix, H-weighted scales, GPTQ, coordinate descent.
 */
import { type Compensation, compensationOf, DAMPING, diagonalOf, withDamping } from './compensation';
import { coordinateDescent } from './descent';
import { gptq } from './gptq';
import { groupedDescent } from './groupedDescent';
import { copyBlockTransposed, plainMatMul, type MatMul } from './matmul';
import { codeRange, nearestCode, type RoundedRows, type RoundingMethod, type RowsProblem } from './problem';
import { BOTH_SIGNS, POSITIVE, searchScales, type ScaleRounding } from './scales';

/** Of H in the descent, as a fraction of its mean diagonal. */
const descentDamping = 0.005;
/** How far the target moves towards the one that makes up for the quantized prefix. */
const correction = 0.5;
const sweeps = 4;

export interface RoundingTools {
  matmul?: MatMul;
  /** For products whose seventh digit does not matter: everything but the factor. Default: matmul. */
  roughMatmul?: MatMul;
  /** Rounds to the nearest number the scale type holds. */
  roundScale: ScaleRounding;
  /** Runs a step of the work and takes its time. */
  span?: <T>(name: string, work: () => T | Promise<T>) => Promise<T>;
}

/** Codes and scales for the rows of `problem`. Throws a RangeError where the method needs moments that are missing. */
export async function roundRows(
  problem: RowsProblem,
  method: RoundingMethod,
  tools: RoundingTools,
): Promise<RoundedRows> {
  const { rows, columns, bits, weights, moments, group = columns } = problem;
  if (weights.length !== rows * columns) {
    throw new RangeError(`${weights.length} weights do not make ${rows} rows of ${columns}.`);
  }
  const round = tools.roundScale;
  const signs = signsOf(problem);
  if (method === 'nearest' || isAllZero(moments)) {
    const scales = searchScales(weights, rows, columns, bits, problem.powers ?? null, round, group, signs);
    return nearest(weights, weights.length / group, group, bits, scales);
  }
  if (moments?.length !== columns * columns) {
    throw new RangeError(`Rounding by ${method} needs second moments of ${columns} inputs.`);
  }
  const matmul = tools.matmul ?? plainMatMul;
  const rough = tools.roughMatmul ?? matmul;
  const span = tools.span ?? ((_, work) => Promise.resolve(work()));
  const compensation =
    problem.compensation ?? (await span('factor', () => compensationOf(moments, columns, matmul)));
  const { order, h, mean, factor } = compensation;
  let target = permuteColumns(weights, rows, order);
  if (method === 'reconstruct' && problem.responses) {
    const wanted = permuteColumns(problem.responses, rows, order);
    const weights = target;
    target = await span('target', () =>
      correctTarget(weights, rows, columns, wanted, DAMPING * mean, factor, rough),
    );
  }
  if (group < columns) {
    const wanted = { ...problem, weights: restoreOrder(target, rows, order, Float64Array) };
    return roundGrouped(wanted, { ...compensation, method, target }, { ...tools, matmul: rough });
  }
  const { powers } = problem;
  const importance =
    method === 'reconstruct'
      ? diagonalOf(h, columns)
      : powers
        ? Float64Array.from(order, (column) => powers[column])
        : null;
  const scales = await span('scales', () =>
    searchScales(target, rows, columns, bits, importance, round, columns, signs),
  );
  const codes = await span('gptq', () => gptq(target, rows, columns, bits, scales, factor, rough));
  if (method === 'reconstruct') {
    const damped = withDamping(h, columns, descentDamping * mean);
    await span('descent', () =>
      coordinateDescent(target, rows, columns, bits, codes, scales, damped, sweeps, round, rough),
    );
  }
  return { codes: restoreOrder(codes, rows, order, Int8Array), scales: Float32Array.from(scales) };
}

/**
 * The same steps with a scale per group of columns. Groups lie in the order of the inputs, so that only GPTQ sees the columns
 * by rising diag(H).
 */
async function roundGrouped(
  { weights, rows, columns, bits, moments, powers, positive, group = columns }: RowsProblem,
  sorted: Compensation & { method: RoundingMethod; target: Float64Array },
  { roundScale, matmul = plainMatMul, span = (_, work) => Promise.resolve(work()) }: RoundingTools,
): Promise<RoundedRows> {
  const { method, order, target, factor, mean } = sorted;
  const isReconstructed = method === 'reconstruct';
  const importance = isReconstructed ? diagonalOf(moments!, columns) : (powers ?? null);
  const scales = await span('scales', () =>
    searchScales(weights, rows, columns, bits, importance, roundScale, group, signsOf({ positive })),
  );
  const groups = { count: columns / group, of: order.map((column) => Math.floor(column / group)) };
  const found = await span('gptq', () => gptq(target, rows, columns, bits, scales, factor, matmul, groups));
  const codes = restoreOrder(found, rows, order, Int8Array);
  if (isReconstructed) {
    const damped = withDamping(moments!, columns, descentDamping * mean);
    const current = { codes, scales, group };
    await span('descent', () =>
      groupedDescent({ weights, rows, columns, bits }, current, damped, {
        sweeps,
        round: roundScale,
        matmul,
      }),
    );
  }
  return { codes, scales: Float32Array.from(scales) };
}

function signsOf({ positive }: Pick<RowsProblem, 'positive'>): readonly number[] {
  return positive ? POSITIVE : BOTH_SIGNS;
}

function nearest(
  weights: Float64Array,
  rows: number,
  columns: number,
  bits: number,
  scales: Float64Array,
): RoundedRows {
  const [low, high] = codeRange(bits);
  const codes = new Int8Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let k = r * columns; k < (r + 1) * columns; k++) {
      codes[k] = nearestCode(weights[k], scales[r], low, high);
    }
  }
  return { codes, scales: Float32Array.from(scales) };
}

/**
 * W + correction (W* - W), W* = (Yf^T U / n + l W)(H + l I)^-1: the least-squares answer to the inputs there are.
 * (Yf = Uf W^T, so this is W (Uf^T U / n + l I)(H + l I)^-1 without the products of all inputs with all inputs.)
 */
async function correctTarget(
  weights: Float64Array,
  rows: number,
  columns: number,
  responses: Float64Array,
  damping: number,
  factor: Float64Array,
  matmul: MatMul,
): Promise<Float64Array> {
  const wanted = responses.map((value, i) => value + damping * weights[i]);
  const transposed = copyBlockTransposed(factor, columns, 0, 0, columns, columns);
  const half = await matmul(wanted, transposed, rows, columns, columns);
  const solved = await matmul(half, factor, rows, columns, columns);
  return weights.map((w, i) => w + correction * (solved[i] - w));
}

function isAllZero(moments: Float64Array | undefined): boolean {
  return moments !== undefined && moments.every((value) => value === 0);
}

function permuteColumns(matrix: Float64Array, rows: number, order: Int32Array): Float64Array {
  const n = order.length;
  const result = new Float64Array(rows * n);
  for (let r = 0; r < rows; r++) for (let j = 0; j < n; j++) result[r * n + j] = matrix[r * n + order[j]];
  return result;
}

function restoreOrder<T extends Int8Array | Float64Array>(
  values: T,
  rows: number,
  order: Int32Array,
  Kind: new (length: number) => T,
): T {
  const n = order.length;
  const result = new Kind(rows * n);
  for (let r = 0; r < rows; r++) for (let j = 0; j < n; j++) result[r * n + order[j]] = values[r * n + j];
  return result;
}
