/** Where the scales of a weight run. */

export interface ScaleAxes {
  /** Of the stored tensor. */
  shape: readonly number[];
  /** One scale per index along this axis ... */
  axis: number;
  /** ... and, apart from each other, per index along these axes in front of it. */
  apart?: readonly number[];
}

/** Dims that broadcast the scales over the weight: from the first axis that has scales of its own. */
export function scaleDims({ shape, axis, apart = [] }: ScaleAxes): number[] {
  const first = Math.min(axis, ...apart);
  return shape.slice(first).map((size, i) => (first + i === axis || apart.includes(first + i) ? size : 1));
}

export function scaleCount({ shape, axis, apart = [] }: ScaleAxes): number {
  return apart.reduce((product, each) => product * shape[each], shape[axis]);
}

/** From the index of an element of the stored tensor to that of its scale. */
export function scaleIndex({ shape, axis, apart = [] }: ScaleAxes): (element: number) => number {
  const inner = (from: number) => shape.slice(from + 1).reduce((product, size) => product * size, 1);
  const [size, channels] = [inner(axis), shape[axis]];
  if (apart.length === 0) return (element) => Math.floor(element / size) % channels;
  const axes = [...apart, axis].map((each) => ({ size: inner(each), count: shape[each] }));
  return (element) =>
    axes.reduce((index, each) => index * each.count + (Math.floor(element / each.size) % each.count), 0);
}
