/** One weight tensor rounded by what is known of its layer's inputs. */
import { type Compensation, compensatedPowers } from '../../../core/rounding/compensation';
import type { RoundingMethod, RowsProblem } from '../../../core/rounding/problem';
import { type RoundingTools, roundRows } from '../../../core/rounding/rows';
import { shrinkMoments, shrinkResponses } from '../../../core/rounding/shrinkage';
import { scaleCount, scaleIndex } from '../../../onnx/network/scaleAxes';
import type { CodeBits } from '../../../onnx/packing/planes';
import type { CodeStorage } from '../../../onnx/packing/quantizeModel';
import type { StoredWeight } from '../../../onnx/packing/storedWeight';
import type { Moments } from './momentSums';
import { gatherRows, type LayerRows } from './rows';

/** The smallest normal float16, and the largest. */
const HALF_NORMAL = 2 ** -14;
const HALF_LARGEST = 65504;

/**
 * Would float16 hold the scales with its full precision? Below its smallest normal number it loses digits, and in the end
 * flushes to zero: such a weight keeps float32 scales. Rows of zeros have no scale to lose.
 */
function fitsHalf(values: ArrayLike<number>, columns: number, bits: CodeBits): boolean {
  for (let start = 0; start < values.length; start += columns) {
    let largest = 0;
    for (let i = start; i < start + columns; i++) largest = Math.max(largest, Math.abs(values[i]));
    const scale = largest / (2 ** (bits - 1) - 1);
    if (scale > 0 && (scale < 2 * HALF_NORMAL || scale > HALF_LARGEST / 2)) return false;
  }
  return true;
}

/**
 * Takes away from the moments, and from the responses where there are any, what they owe to chance, in place.
 * @param weights [groups, rows, columns]; for the responses
 */
export function shrink(
  { moments, means, chance, responses, marginals }: Moments,
  weights?: Float64Array,
): void {
  moments.forEach((own, g) => {
    shrinkMoments(own, means[g], chance[g]);
    if (!responses || !marginals || !weights) return;
    const { length } = responses[g];
    shrinkResponses(responses[g], weights.subarray(g * length, (g + 1) * length), marginals[g], chance[g]);
  });
}

/** What a layer's weights are rounded by. */
export interface RoundingSums extends Partial<Pick<Moments, 'moments' | 'responses'>> {
  /** Per group; for 'gptq', which then weighs errors by what compensation leaves when scales are chosen. */
  compensations?: (Compensation | null)[];
  powers?: Float64Array | null;
}

function powersOf({ compensations, powers }: RoundingSums, g: number): Float64Array | undefined {
  const compensation = compensations?.[g];
  return compensation ? compensatedPowers(compensation) : (powers ?? undefined);
}

export interface WeightToRound extends StoredWeight {
  bits: CodeBits;
  /** Integer layers read it. */
  positive?: boolean;
}

/** Rounds all groups and puts codes and scales where the stored tensor has them. */
export async function roundWeight(
  { method, roundScale }: { method: RoundingMethod; roundScale: RoundingTools['roundScale'] },
  weight: WeightToRound,
  rows: LayerRows,
  values: Float32Array,
  sums: RoundingSums,
  tools: Omit<RoundingTools, 'roundScale'>,
): Promise<CodeStorage> {
  const { tensor, axis, apart, group, bits } = weight;
  const all = gatherRows(values, rows);
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(scaleCount(weight));
  const scaleOf = scaleIndex(weight);
  const size = rows.rows * rows.columns;
  // Of so many columns each: rows that were told apart by group are no longer than one.
  const shared = Math.min(group?.size ?? rows.columns, rows.columns);
  const roundOne = fitsHalf(all, shared, bits) ? roundScale : Math.fround;
  for (let g = 0; g < rows.groups; g++) {
    const problem: RowsProblem = {
      weights: all.subarray(g * size, (g + 1) * size),
      rows: rows.rows,
      columns: rows.columns,
      bits,
      group: shared,
      positive: weight.positive,
      moments: sums.moments?.[g],
      compensation: sums.compensations?.[g] ?? undefined,
      powers: powersOf(sums, g),
      responses: sums.responses?.[g],
    };
    const rounded = await roundRows(problem, sums.moments ? method : 'nearest', {
      ...tools,
      roundScale: roundOne,
    });
    for (let i = 0; i < size; i++) codes[rows.stored[g * size + i]] = rounded.codes[i];
    rounded.scales.forEach((scale, s) => (scales[scaleOf(rows.stored[g * size + s * shared])] = scale));
  }
  return { tensor, bits, axis, apart, ...(group ? { group } : {}), codes, scales };
}
