/** The states of the search after one group, as flat arrays by rising use of the first limit. */
import type { Total } from './greedy';

export interface StateLayer {
  /** use[limit][state] */
  use: Float64Array[];
  value: Float64Array;
  /** Index in the layer before. */
  parent: Int32Array;
  /** Option taken in the layer's group. */
  option: Uint8Array;
  count: number;
}

export function emptyLayer(limits: number, room: number): StateLayer {
  return {
    use: Array.from({ length: limits }, () => new Float64Array(room)),
    value: new Float64Array(room),
    parent: new Int32Array(room),
    option: new Uint8Array(room),
    count: 0,
  };
}

export function rootLayer({ use, value }: Total): StateLayer {
  const root = emptyLayer(use.length, 1);
  use.forEach((u, m) => (root.use[m][0] = u));
  root.value[0] = value;
  root.count = 1;
  return root;
}

/** Copies the states of these indices, in their order, into arrays of just that size. */
export function select({ use, value, parent, option }: StateLayer, states: ArrayLike<number>): StateLayer {
  const next = emptyLayer(use.length, states.length);
  for (let at = 0; at < states.length; at++) {
    const s = states[at];
    for (let m = 0; m < use.length; m++) next.use[m][at] = use[m][s];
    next.value[at] = value[s];
    next.parent[at] = parent[s];
    next.option[at] = option[s];
  }
  next.count = states.length;
  return next;
}

/**
 * Of `states` (indices into bounds) those with the best bounds, `most` at the most, in order; spread evenly where bounds
 * are equal.
 * @returns also the best bound among the others, -Infinity where there are none
 */
export function bestStates(
  bounds: Float64Array,
  states: number[],
  most: number,
): { kept: number[]; dropped: number } {
  if (states.length <= most) return { kept: states, dropped: -Infinity };
  const sorted = new Float64Array(states.length);
  for (let k = 0; k < states.length; k++) sorted[k] = bounds[states[k]];
  sorted.sort();
  if (most === 0) return { kept: [], dropped: sorted[sorted.length - 1] };
  const threshold = sorted[sorted.length - most];
  // Bounds that differ by rounding only are equal.
  const noise = 1e-13 * Math.abs(threshold);
  const above = sorted.length - countUpTo(sorted, threshold + noise);
  const equal = sorted.length - above - countUpTo(sorted, threshold - noise);
  const share = (most - above) / equal;
  const kept: number[] = [];
  let dropped = -Infinity;
  let seen = 0;
  for (const s of states) {
    const bound = bounds[s];
    let isKept = bound > threshold + noise;
    if (!isKept && bound > threshold - noise) {
      isKept = Math.floor((seen + 1) * share) > Math.floor(seen * share);
      seen++;
    }
    if (isKept) kept.push(s);
    else if (bound > dropped) dropped = bound;
  }
  return { kept, dropped };
}

/** How many entries are not above x. */
function countUpTo(sorted: Float64Array, x: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}
