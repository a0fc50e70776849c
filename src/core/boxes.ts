/** Two sets of detected boxes: how many of one are found in the other. */

/** Overlap from which two boxes are the same detection, as everywhere in the field. */
const SAME_BOX = 0.5;

export interface Boxes {
  /** Corners x1, y1, x2, y2 of each, one after the other. */
  corners: Float64Array;
  /** Class of each; null where there are none. */
  labels: ArrayLike<number | bigint> | null;
}

/** Intersection over union of two boxes by their corners; 0 for a box without an area. */
export function overlap(a: Float64Array, i: number, b: Float64Array, j: number): number {
  const width = Math.min(a[4 * i + 2], b[4 * j + 2]) - Math.max(a[4 * i], b[4 * j]);
  const height = Math.min(a[4 * i + 3], b[4 * j + 3]) - Math.max(a[4 * i + 1], b[4 * j + 1]);
  if (!(width > 0 && height > 0)) return 0;
  const both = width * height;
  return both / (area(a, i) + area(b, j) - both);
}

const area = (corners: Float64Array, i: number): number =>
  (corners[4 * i + 2] - corners[4 * i]) * (corners[4 * i + 3] - corners[4 * i + 1]);

/** Boxes of `a` that have a partner of their own in `b`: the largest overlaps first, from SAME_BOX, of the same class. */
export function matches(a: Boxes, b: Boxes): number {
  const pairs: { i: number; j: number; iou: number }[] = [];
  for (let i = 0; i < a.corners.length / 4; i++) {
    for (let j = 0; j < b.corners.length / 4; j++) {
      if (a.labels && b.labels && Number(a.labels[i]) !== Number(b.labels[j])) continue;
      const iou = overlap(a.corners, i, b.corners, j);
      if (iou >= SAME_BOX) pairs.push({ i, j, iou });
    }
  }
  pairs.sort((x, y) => y.iou - x.iou);
  const [left, right] = [new Set<number>(), new Set<number>()];
  for (const { i, j } of pairs) {
    if (left.has(i) || right.has(j)) continue;
    left.add(i);
    right.add(j);
  }
  return left.size;
}

/** Corners out of rows whose first four numbers from `from` on are a box; boxes without an area (padding) are left out. */
export function cornersOf(
  values: ArrayLike<number>,
  columns: number,
  { from, form }: { from: number; form: 'corners' | 'centre' },
): { corners: Float64Array; kept: number[] } {
  const rows = Math.floor(values.length / columns);
  const corners = new Float64Array(4 * rows);
  const kept: number[] = [];
  for (let row = 0; row < rows; row++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => values[row * columns + from + i]);
    const box = form === 'centre' ? [a - c / 2, b - d / 2, a + c / 2, b + d / 2] : [a, b, c, d];
    // Some models put the corners of a box in another order.
    const sorted = [
      Math.min(box[0], box[2]),
      Math.min(box[1], box[3]),
      Math.max(box[0], box[2]),
      Math.max(box[1], box[3]),
    ];
    if (!(sorted[2] > sorted[0] && sorted[3] > sorted[1])) continue;
    corners.set(sorted, 4 * kept.length);
    kept.push(row);
  }
  return { corners: corners.slice(0, 4 * kept.length), kept };
}

/** Sums over blocks of samples: boxes of the first model, of the second, matched ones. */
export class BoxAgreement {
  readonly sums = [0, 0, 0];

  add(a: Boxes, b: Boxes): void {
    this.sums[0] += a.corners.length / 4;
    this.sums[1] += b.corners.length / 4;
    this.sums[2] += matches(a, b);
  }

  /** Matched boxes over all of both (F1); 1 where neither model finds any. */
  get agreement(): number {
    const [first, second, matched] = this.sums;
    return first + second === 0 ? 1 : (2 * matched) / (first + second);
  }
}
