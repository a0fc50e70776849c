/** Opens a group: every state of a layer with every option, without those that another state dominates. */
import { emptyLayer, type StateLayer } from './stateLayer';

export interface Extension {
  options: number[];
  /** use[limit][k] of the k-th option, relative to the option that the states have counted so far. */
  use: number[][];
  value: number[];
  /** Per limit: states of larger use are left out, because no later group can bring them within the limit. */
  mostUse: Float64Array;
  /** A state must be worth this much more than one that uses no more. */
  noise: number;
  /** A state may add `reserve` to its value, and `prices` for what is left; what does not come to more than `least` is out. */
  bound: { prices: Float64Array; capacity: Float64Array; reserve: number; least: number };
}

/** With one limit: the states merged by rising use, O(states x options^2); dominance is then a running maximum. */
export function extendOneLimit(
  layer: StateLayer,
  { options, use, value, mostUse, noise }: Omit<Extension, 'bound'>,
): StateLayer {
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

/** With several limits: pairs of state and option by rising use of the first two limits, dominated ones included. */
export function extendManyLimits(
  layer: StateLayer,
  { options, use, value, mostUse, bound: promise }: Extension,
): StateLayer {
  const { prices, capacity, reserve, least: hopeless } = promise;
  const limits = mostUse.length;
  const next = emptyLayer(limits, layer.count * options.length);
  const [first, second] = layer.use;
  const heads = new Int32Array(options.length);
  for (;;) {
    // The states of each option are in order already: merged, they need no sorting.
    let from = -1;
    let least = Infinity;
    let least2 = Infinity;
    let most = -Infinity;
    for (let k = 0; k < heads.length; k++) {
      const s = heads[k];
      if (s === layer.count) continue;
      const own = first[s] + use[0][k];
      if (own > least) continue;
      const own2 = second[s] + use[1][k];
      const worth = layer.value[s] + value[k];
      if (own < least || own2 < least2 || (own2 === least2 && worth > most)) {
        from = k;
        least = own;
        least2 = own2;
        most = worth;
      }
    }
    if (from < 0) return next;
    const parent = heads[from]++;
    const at = next.count;
    let isWithin = true;
    let left = 0;
    for (let m = 0; m < limits; m++) {
      const total = layer.use[m][parent] + use[m][from];
      next.use[m][at] = total;
      left += prices[m] * (capacity[m] - total);
      isWithin &&= total <= mostUse[m];
    }
    if (!isWithin || most + Math.min(reserve, left) <= hopeless) continue;
    next.value[at] = most;
    next.parent[at] = parent;
    next.option[at] = options[from];
    next.count++;
  }
}

/**
 * Of `states` (indices, in the order of `product`) those that no other dominates, in order. Exact for two limits; for more,
 * some dominated ones stay. A staircase holds the states seen so far that are worth more than all that use less of the
 * second limit.
 */
export function withoutDominated(
  { use, value }: StateLayer,
  states: readonly number[],
  noise: number,
): number[] {
  const second = use[1];
  const stairs = new Int32Array(states.length);
  let count = 0;
  const kept: number[] = [];
  for (const s of states) {
    // Steps of no more use than s.
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (second[stairs[middle]] <= second[s]) low = middle + 1;
      else high = middle;
    }
    let isDominated = false;
    for (let k = low - 1; k >= 0 && !isDominated && value[stairs[k]] + noise >= value[s]; k--) {
      isDominated = true;
      for (let m = 2; m < use.length; m++) isDominated &&= use[m][stairs[k]] <= use[m][s];
    }
    if (isDominated) continue;
    kept.push(s);
    // Where s is worth no more than a step below it (of another use of a third limit), it makes none itself.
    if (low > 0 && value[stairs[low - 1]] >= value[s]) continue;
    let end = low;
    while (end < count && value[stairs[end]] <= value[s]) end++;
    if (low > 0 && second[stairs[low - 1]] === second[s]) low--;
    stairs.copyWithin(low + 1, end, count);
    count += low + 1 - end;
    stairs[low] = s;
  }
  return kept;
}
