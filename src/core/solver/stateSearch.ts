/**
 * The exact solver: dynamic programming over the groups whose choice is in doubt.
 *
 * Every group starts at its option that is best at the prices of the limits. Groups are then opened one by one; a state
 * is one way to choose in the groups opened so far. A state is dropped when another one uses no more and is worth no
 * less, or when its Lagrangian bound does not beat the best solution known. This is the expanding core of Pisinger, "A
 * minimal algorithm for the multiple-choice knapsack problem", EJOR 83 (1995), for any number of limits and with a limit
 * on the number of states; what is dropped because of that limit, or of time, stays in the bound.
 */
import type { Group, Program } from '../problem/program';
import { extendManyLimits, extendOneLimit, type Extension, withoutDominated } from './extend';
import { improve, repair, totalOf } from './greedy';
import { type Dual, solveDual } from './lagrangian';
import { maximum, minimum } from './reduce';
import { bestStates, rootLayer, select, type StateLayer } from './stateLayer';

export interface SearchOptions {
  /** States kept after each group. */
  maxStates: number;
  /** Clock reading (performance.now) at which to stop. */
  deadline: number;
  /** A solution known, if it is one. */
  near?: Int32Array;
  /** The program's, where it is known. */
  dual?: Dual;
}

export interface Search {
  /** Per group the chosen option; within the limits. Null where none was found. */
  options: Int32Array | null;
  value: number;
  /** Proven: no solution has a larger value. -Infinity: there is no solution. */
  bound: number;
  /** The bound is reached, but for rounding. */
  isProven: boolean;
}

/**
 * With few states first: what they find lets the next, larger pass drop more.
 * @param program one or more limits, uses counted from 0 (`coarsest`)
 */
export function searchStates(program: Program, options: SearchOptions): Search {
  const { maxStates, deadline, near, dual = solveDual(program) } = options;
  const least = program.groups.reduce((sum, { value }) => sum + minimum(value), 0);
  if (dual.bound < least - 1e-9 * Math.max(1, Math.abs(least))) {
    return { options: null, value: -Infinity, bound: -Infinity, isProven: true };
  }
  const starts = [repair(program, dual.best), near && isSolution(program, near) ? near : null];
  const first = better(
    program,
    starts.map((start) => start && improve(program, start)),
  );
  let best: Search = { options: first, value: -Infinity, bound: dual.bound, isProven: false };
  for (let states = Math.min(256, maxStates); ; states = Math.min(states * 64, maxStates)) {
    const search = new StateSearch(program, dual, states, best.options).run(deadline);
    best = { ...search, bound: Math.min(best.bound, search.bound) };
    if (best.isProven || states === maxStates || performance.now() > deadline) return best;
  }
}

function isSolution(program: Program, options: Int32Array): boolean {
  if (!options.every((o, g) => o in program.groups[g].value)) return false;
  return totalOf(program, options).use.every((use, m) => use <= program.capacity[m]);
}

function better(program: Program, found: (Int32Array | null)[]): Int32Array | null {
  const value = (options: Int32Array | null): number =>
    options ? totalOf(program, options).value : -Infinity;
  return found.reduce((a, b) => (value(b) > value(a) ? b : a));
}

class StateSearch {
  /** Sums of values differ by rounding with the order in which they are added up: less than this is no difference. */
  private readonly tolerance: number = 0;
  /** The value of the best solution known. */
  private value: number;
  /** The best bound of the states that were dropped although they might have led to a better solution. */
  private dropped = -Infinity;
  private readonly layers: StateLayer[] = [];
  private readonly opened: number[] = [];

  constructor(
    private readonly program: Program,
    private readonly dual: Dual,
    private readonly maxStates: number,
    private options: Int32Array | null,
  ) {
    this.value = options ? totalOf(program, options).value : -Infinity;
    this.tolerance = 1e-12 * this.largestSum() + dual.rounding;
  }

  run(deadline: number): Search {
    const order = this.order();
    const rest = this.rest(order);
    let layer = rootLayer(totalOf(this.program, this.dual.best));
    this.record(layer);
    for (let k = 0; k < order.length && layer.count > 0 && this.dual.bound > this.cannotImprove(); k++) {
      if (performance.now() > deadline) {
        this.keepBest(layer, rest[k].reserve + this.most(order[k]), 0);
        break;
      }
      const options = this.wanted(order[k]);
      if (options.length > 1 || options[0] !== this.dual.best[order[k]]) {
        layer = this.open(layer, order[k], options, rest[k]);
      }
    }
    const proven = this.value + 2 * this.tolerance;
    const bound = Math.min(this.dual.bound, Math.max(proven, this.dropped));
    return { options: this.options, value: this.value, bound, isProven: bound <= proven };
  }

  /** Of the |values| of options that are in doubt. */
  private largestSum(): number {
    return this.program.groups.reduce(
      (sum, { value }, g) => sum + this.wanted(g).reduce((most, o) => Math.max(most, Math.abs(value[o])), 0),
      0,
    );
  }

  /** Large steps first, so that the small ones are there to fill up with: this is what makes the search fast. */
  private order(): number[] {
    const { groups, capacity } = this.program;
    const step = groups.map(({ use }) =>
      use.reduce(
        (most, row, m) => Math.max(most, (maximum(row) - minimum(row)) / Math.max(1, capacity[m])),
        0,
      ),
    );
    return [...groups.keys()]
      .filter((g) => groups[g].value.length > 1)
      .sort((a, b) => step[b] - step[a] || a - b);
  }

  /** What the groups after each one of `order` can still give back of their use (per limit), and add in value. */
  private rest(order: number[]): { relief: Float64Array; reserve: number }[] {
    const rest = order.map(() => ({ relief: this.program.capacity.map(() => 0), reserve: 0 }));
    for (let k = order.length - 1; k > 0; k--) {
      const { use } = this.program.groups[order[k]];
      rest[k - 1].relief = rest[k].relief.map(
        (r, m) => r + use[m][this.dual.best[order[k]]] - minimum(use[m]),
      );
      rest[k - 1].reserve = rest[k].reserve + this.most(order[k]);
    }
    return rest;
  }

  /** The most that the group can add to the value of its best option at the prices. */
  private most(g: number): number {
    const { value } = this.program.groups[g];
    return maximum(value) - value[this.dual.best[g]];
  }

  /** Bounds up to here promise nothing better than what is known. */
  private cannotImprove(): number {
    return this.value + this.tolerance;
  }

  /** Options that a better solution may take. */
  private wanted(g: number): number[] {
    const { value, use } = this.program.groups[g];
    const { prices, best, bound } = this.dual;
    const worth = value.map((v, o) => use.reduce((sum, row, m) => sum - prices[m] * row[o], v));
    return [...value.keys()].filter(
      (o) => o === best[g] || bound - (worth[best[g]] - worth[o]) > this.cannotImprove(),
    );
  }

  private open(
    layer: StateLayer,
    g: number,
    options: number[],
    rest: { relief: Float64Array; reserve: number },
  ): StateLayer {
    const { capacity, groups } = this.program;
    const extension: Extension = {
      options,
      ...relativeTo(groups[g], this.dual.best[g], options),
      mostUse: capacity.map((most, m) => most + rest.relief[m]),
      // Over all groups no more than one tolerance is lost.
      noise: this.tolerance / groups.length,
      bound: { prices: this.dual.prices, capacity, reserve: rest.reserve, least: this.cannotImprove() },
    };
    const next =
      capacity.length === 1 ? extendOneLimit(layer, extension) : extendManyLimits(layer, extension);
    this.opened.push(g);
    this.layers.push(next);
    this.record(next);
    const kept = this.keepBest(next, rest.reserve, this.maxStates, extension.noise);
    this.layers[this.layers.length - 1] = kept;
    return kept;
  }

  /** Takes the best state that is a solution as it stands, all groups that are not opened at their best option. */
  private record(layer: StateLayer): void {
    const { capacity } = this.program;
    let best = -1;
    for (let s = 0; s < layer.count; s++) {
      if (layer.value[s] > this.value && layer.use.every((row, m) => row[s] <= capacity[m])) {
        this.value = layer.value[s];
        best = s;
      }
    }
    if (best < 0) return;
    this.options = Int32Array.from(this.dual.best);
    for (let l = this.layers.length - 1, s = best; l >= 0; l--) {
      this.options[this.opened[l]] = this.layers[l].option[s];
      s = this.layers[l].parent[s];
    }
  }

  /** Without the hopeless, the dominated and those beyond `most`; the bound of the last is remembered. */
  private keepBest(layer: StateLayer, reserve: number, most: number, noise = 0): StateLayer {
    const hopeless = this.cannotImprove();
    const bounds = this.bounds(layer, reserve);
    let states: number[] = [];
    for (let s = 0; s < layer.count; s++) if (bounds[s] > hopeless) states.push(s);
    if (layer.use.length > 1) states = withoutDominated(layer, states, noise);
    const { kept, dropped } = bestStates(bounds, states, most);
    this.dropped = Math.max(this.dropped, dropped);
    return select(layer, kept);
  }

  /** Per state: no solution that it leads to has a larger value. */
  private bounds({ use, value, count }: StateLayer, reserve: number): Float64Array {
    const { capacity } = this.program;
    const { prices } = this.dual;
    const bounds = new Float64Array(count);
    for (let s = 0; s < count; s++) {
      let left = 0;
      for (let m = 0; m < use.length; m++) left += prices[m] * (capacity[m] - use[m][s]);
      bounds[s] = value[s] + Math.min(reserve, left);
    }
    return bounds;
  }
}

function relativeTo(
  { value, use }: Group,
  base: number,
  options: number[],
): { use: number[][]; value: number[] } {
  return {
    use: use.map((row) => options.map((o) => row[o] - row[base])),
    value: options.map((o) => value[o] - value[base]),
  };
}
