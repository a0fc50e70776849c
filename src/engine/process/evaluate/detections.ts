/** The boxes that a model has found, told by the form of its outputs. */
import { isFloat, numbers } from '../../../calibration/inputs/tensorTypes';
import { type Boxes, cornersOf } from '../../../core/boxes';
import type { OutputPlan } from '../../../onnx/network/outputs';
import type { Feeds } from '../ort/session';

/** Columns before the box in rows of so many numbers: 4 box; 5 and 6 box, score (and class); 7 image, box, class, score. */
const BOX_AT: Readonly<Record<number, number>> = { 4: 0, 5: 0, 6: 0, 7: 1 };
/** Column of the class. */
const CLASS_AT: Readonly<Record<number, number>> = { 6: 5, 7: 5 };

/** Of one sample (or of all in a block, whose boxes are then matched together). Null: no output looks like boxes. */
export function detectionPair(plan: OutputPlan, reference: Feeds, other: Feeds): [Boxes, Boxes] | null {
  const names = plan.outputs.flatMap(({ name, kind }) =>
    (kind === 'rows' || kind === 'labels') && name in reference && name in other ? [name] : [],
  );
  const picked = new Set(plan.outputs.filter(({ isBoxes }) => isBoxes).map(({ name }) => name));
  const boxes = names.find((name) => {
    const { type, dims } = reference[name];
    if (!picked.has(name) || !isFloat(type) || dims.length < 2 || !(dims.at(-1)! in BOX_AT)) return false;
    return !areSorted(numbers(reference[name]), dims.at(-1)!);
  });
  if (boxes === undefined) return null;
  const columns = reference[boxes].dims.at(-1)!;
  const form = formOf(numbers(reference[boxes]), columns);
  const found = [reference, other].map((tensors): Boxes => {
    const values = numbers(tensors[boxes]);
    const { corners, kept } = cornersOf(values, columns, { from: BOX_AT[columns], form });
    const column = CLASS_AT[columns];
    const labels =
      column === undefined
        ? labelsOf(names, tensors, values.length / columns, kept)
        : kept.map((row) => values[row * columns + column]);
    return { corners, labels };
  });
  return [found[0], found[1]];
}

/** Rows that all fall are the best scores of a TopK. */
function areSorted(values: ArrayLike<number>, columns: number): boolean {
  for (let i = 1; i < values.length; i++) if (i % columns > 0 && values[i] > values[i - 1]) return false;
  return values.length > 0;
}

/** Widths and heights are the last two numbers where these would not do as a second corner. */
function formOf(values: ArrayLike<number>, columns: number): 'corners' | 'centre' {
  const from = BOX_AT[columns];
  for (let i = from; i + 3 < values.length; i += columns) {
    if (values[i + 2] < values[i] || values[i + 3] < values[i + 1]) return 'centre';
  }
  return 'corners';
}

function labelsOf(
  names: readonly string[],
  tensors: Feeds,
  count: number,
  kept: readonly number[],
): number[] | null {
  const found = names
    .map((name) => tensors[name])
    .find(
      ({ type, dims, data }) =>
        !isFloat(type) && type !== 'bool' && data.length === count && dims.length <= 2,
    );
  return found ? kept.map((row) => Number(found.data[row])) : null;
}
