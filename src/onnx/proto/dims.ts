/** Arithmetic on shapes whose sizes may be open. An open size is a name; '' is equal to nothing, itself included. */
export type Shape = readonly Dimension[];

/** Computes where both are numbers. */
export function combine(a: Dimension, b: Dimension, compute: (a: number, b: number) => number): Dimension {
  if (typeof a !== 'number' || typeof b !== 'number') return '';
  const value = compute(a, b);
  return Number.isSafeInteger(value) ? value : '';
}

/** `dim` times `factor`: times 1 even an open size stays what it is. */
export function times(dim: Dimension, factor: Dimension): Dimension {
  return factor === 1 ? dim : combine(dim, factor, (a, b) => Math.floor(a * b));
}

/** Number of elements of a tensor whose sizes are all known. */
export const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

/** Number of elements; null where a size is open. */
export function elements(shape: Shape): number | null {
  let count = 1;
  for (const dim of shape) {
    if (typeof dim !== 'number') return null;
    count *= dim;
  }
  return count;
}

/** NumPy's rule (ONNX spec, Broadcasting.md). */
export function broadcast(shapes: readonly Shape[]): Dimension[] {
  const rank = shapes.reduce((most, { length }) => Math.max(most, length), 0);
  const result: Dimension[] = new Array<Dimension>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      result[at] = broadcastDim(result[at], shape[i]);
    }
  }
  return result;
}

function broadcastDim(a: Dimension, b: Dimension): Dimension {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  // An open size next to a number above 1 can only be that number or 1.
  if (typeof a === 'number') return a;
  return typeof b === 'number' ? b : '';
}

/** `axis` counted from the front; undefined where it is out of range. */
export function axisOf(axis: number, rank: number): number | undefined {
  const index = axis < 0 ? axis + rank : axis;
  return index >= 0 && index < rank ? index : undefined;
}

/** The size that -1 stands for in a Reshape: all elements over those of the other sizes, open ones cancelling by name. */
export function remainder(whole: Shape, others: Shape): Dimension {
  const names = [...whole].filter((dim) => typeof dim === 'string');
  let divisor = 1;
  for (const dim of others) {
    if (typeof dim === 'number') divisor *= dim;
    else {
      const at = names.indexOf(dim);
      if (dim === '' || at < 0) return '';
      names.splice(at, 1);
    }
  }
  let count = 1;
  for (const dim of whole) if (typeof dim === 'number') count *= dim;
  if (divisor === 0 || count % divisor !== 0) return '';
  const size = count / divisor;
  if (names.length === 0) return size;
  return names.length === 1 && size === 1 ? names[0] : '';
}

/** One dimension: a size, or the name (possibly '') of an open one. */
export type Dimension = number | string;
