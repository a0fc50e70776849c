/** Opens a group: every state of a layer with every option, without those that another state dominates. */
import { countUpTo, emptyLayer, type Layer } from './stateLayer';

export interface Extension {
  options: number[];
  /** use[limit][k] of the k-th option, relative to the option that the states have counted so far. */
  use: number[][];
  value: number[];
  /** Per limit: states of larger use are left out, because no later group can bring them within the limit. */
  mostUse: Float64Array;
  /** A state must be worth this much more than one that uses no more. */
  noise: number;
}

/** With one limit: the states merged by rising use, O(states x options^2); dominance is then a running maximum. */
export function merge(layer: Layer, { options, use, value, mostUse, noise }: Extension): Layer {
  const next = emptyLayer(1, layer.count * options.length);
  const heads = new Int32Array(options.length);
  let bestValue = -Infinity;
  for (;;) {
    let from = -1;
    let least = Infinity;
    for (let k = 0; k < heads.length; k++) {
      if (heads[k] === layer.count) continue;
      const candidate = layer.use[0][heads[k]] + use[0][k];
      if (candidate < least) {
        from = k;
        least = candidate;
      }
    }
    if (from < 0 || least > mostUse[0]) return next;
    const parent = heads[from]++;
    const worth = layer.value[parent] + value[from];
    if (worth <= bestValue + noise) continue;
    bestValue = worth;
    // Of states with equal use the one of most value takes the place.
    const isEqual = next.count > 0 && next.use[0][next.count - 1] === least;
    const at = isEqual ? next.count - 1 : next.count;
    next.use[0][at] = least;
    next.value[at] = worth;
    next.parent[at] = parent;
    next.option[at] = options[from];
    next.count = at + 1;
  }
}

/** With several limits: all pairs of state and option, dominated ones included. */
export function product(layer: Layer, { options, use, value, mostUse }: Extension): Layer {
  const limits = mostUse.length;
  const next = emptyLayer(limits, layer.count * options.length);
  for (let s = 0; s < layer.count; s++) {
    for (let k = 0; k < options.length; k++) {
      const at = next.count;
      let isWithin = true;
      for (let m = 0; m < limits; m++) {
        const total = layer.use[m][s] + use[m][k];
        next.use[m][at] = total;
        isWithin &&= total <= mostUse[m];
      }
      if (!isWithin) continue;
      next.value[at] = layer.value[s] + value[k];
      next.parent[at] = s;
      next.option[at] = options[k];
      next.count++;
    }
  }
  return next;
}

/**
 * Of `states` (indices) those that no other dominates, by rising use of the first limit. Exact for two limits; for more,
 * some dominated ones stay. A Fenwick tree over the use of the second limit holds the most valuable of the states that
 * use no more of the first; O(n log n).
 */
export function withoutDominated({ use, value }: Layer, states: number[], noise: number): number[] {
  const [first, second] = use;
  const order = Int32Array.from(states).sort(
    (a, b) => first[a] - first[b] || second[a] - second[b] || value[b] - value[a],
  );
  const sorted = new Float64Array(order.length);
  for (let k = 0; k < order.length; k++) sorted[k] = second[order[k]];
  sorted.sort();
  const tree = new Int32Array(order.length + 1).fill(-1);
  const isDominated = (s: number, rank: number): boolean => {
    for (let node = rank; node > 0; node -= node & -node) {
      const other = tree[node];
      if (other < 0 || value[other] + noise < value[s]) continue;
      let isWithin = true;
      for (let m = 2; m < use.length; m++) isWithin &&= use[m][other] <= use[m][s];
      if (isWithin) return true;
    }
    return false;
  };
  const kept: number[] = [];
  for (const s of order) {
    const rank = countUpTo(sorted, second[s]);
    if (isDominated(s, rank)) continue;
    kept.push(s);
    for (let node = rank; node < tree.length; node += node & -node) {
      if (tree[node] < 0 || value[s] > value[tree[node]]) tree[node] = s;
    }
  }
  return kept;
}
