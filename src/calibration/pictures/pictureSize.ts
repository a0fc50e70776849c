/** Height and width for a model that leaves them open, from the pictures at hand. */
import { DEFAULT_SIDE } from '../inputs/openSizes';

interface Size {
  height: number;
  width: number;
}

/** Networks without fixed sizes halve them up to five times. */
const STEP = 32;
/** Small pictures (CIFAR, MNIST) are left as they are. */
const SMALL = 64;
/** Photographs in full size would take gigabytes of activations. */
const LARGE = 640;

/**
 * The pictures' own size where they share one (in steps of 32, at most 640 on the longer side), else 224 x 224; with one
 * side fixed by the model, the other by the pictures' median proportion.
 * @param sizes at least one.
 * @returns the size and, for the user, where it came from.
 */
export function sizeFromPictures(
  fixed: { height: number | null; width: number | null },
  sizes: readonly Size[],
): Size & { because: string } {
  if (fixed.height !== null || fixed.width !== null) {
    const proportion = median(sizes.map(({ height, width }) => width / height));
    const because = "the pictures' median proportion";
    return fixed.height !== null
      ? { height: fixed.height, width: toStep(fixed.height * proportion), because }
      : { height: toStep(fixed.width! / proportion), width: fixed.width!, because };
  }
  const [{ height, width }] = sizes;
  if (sizes.some((size) => size.height !== height || size.width !== width)) {
    return { height: DEFAULT_SIDE, width: DEFAULT_SIDE, because: 'the pictures differ in size' };
  }
  const because = `every picture is ${height}x${width}`;
  const longer = Math.max(height, width);
  if (longer <= SMALL) return { height, width, because };
  const scale = Math.min(1, LARGE / longer);
  return { height: toStep(height * scale), width: toStep(width * scale), because };
}

function toStep(size: number): number {
  return Math.min(Math.max(Math.round(size / STEP), 1) * STEP, 4 * LARGE);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
