/** Where the scales of a weight run. */

/** A scale per so many elements along an axis. */
export interface ScaleGroup {
  axis: number;
  /** Divides the size of the axis. */
  size: number;
}

export interface ScaleAxes {
  /** Of the stored tensor. */
  shape: readonly number[];
  /** One scale per index along this axis ... */
  axis: number;
  /** ... and, apart from each other, per index along these axes in front of it ... */
  apart?: readonly number[];
  /** ... and per group along another axis, that of the inputs. */
  group?: ScaleGroup;
}

/**
 * The same scales over the same elements without a group: its axis is split into groups and places in them. Scales lie in
 * the order of the axes that have some.
 */
export function splitAxes({ shape, axis, apart = [], group }: ScaleAxes): ScaleAxes {
  if (!group) return { shape, axis, apart };
  const moved = (each: number) => (each > group.axis ? each + 1 : each);
  const axes = [...apart.map(moved), moved(axis), group.axis].sort((a, b) => a - b);
  return {
    shape: shape.flatMap((size, i) => (i === group.axis ? [size / group.size, group.size] : [size])),
    axis: axes[axes.length - 1],
    apart: axes.slice(0, -1),
  };
}

/** Dims that broadcast the scales over the weight, its groups split: from the first axis that has scales of its own. */
export function scaleDims(axes: ScaleAxes): number[] {
  const { shape, axis, apart = [] } = splitAxes(axes);
  const first = Math.min(axis, ...apart);
  return shape.slice(first).map((size, i) => (first + i === axis || apart.includes(first + i) ? size : 1));
}

export function scaleCount(axes: ScaleAxes): number {
  const { shape, axis, apart = [] } = splitAxes(axes);
  return apart.reduce((product, each) => product * shape[each], shape[axis]);
}

/** From the index of an element of the stored tensor to that of its scale. */
export function scaleIndex(of: ScaleAxes): (element: number) => number {
  const { shape, axis, apart = [] } = splitAxes(of);
  const inner = (from: number) => shape.slice(from + 1).reduce((product, size) => product * size, 1);
  const [size, channels] = [inner(axis), shape[axis]];
  if (apart.length === 0) return (element) => Math.floor(element / size) % channels;
  if (apart.length === 1) {
    const [outer, others] = [inner(apart[0]), shape[apart[0]]];
    return (element) =>
      (Math.floor(element / outer) % others) * channels + (Math.floor(element / size) % channels);
  }
  const axes = [...apart, axis].map((each) => ({ size: inner(each), count: shape[each] }));
  return (element) =>
    axes.reduce((index, each) => index * each.count + (Math.floor(element / each.size) % each.count), 0);
}
