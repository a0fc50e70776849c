/** Solutions by simple means. */
import type { Program } from '../problem/program';
import { maximum } from './reduce';

export interface Total {
  /** Per limit. */
  use: Float64Array;
  value: number;
}

export function totalOf({ groups, capacity }: Program, options: Int32Array): Total {
  const use = new Float64Array(capacity.length);
  let value = 0;
  groups.forEach((group, g) => {
    for (let m = 0; m < use.length; m++) use[m] += group.use[m][options[g]];
    value += group.value[options[g]];
  });
  return { use, value };
}

/**
 * Brings a choice within the limits: again and again the change that costs least value for what it takes off the limits
 * that are overrun, without overrunning another. Null where that ends in nothing.
 */
export function repair(program: Program, start: Int32Array): Int32Array | null {
  const { groups, capacity } = program;
  const options = Int32Array.from(start);
  const { use: total } = totalOf(program, options);
  const steps = groups.reduce((sum, { value }) => sum + value.length, 0);
  for (let step = 0; step <= steps; step++) {
    if (total.every((use, m) => use <= capacity[m])) return options;
    let [least, group, option] = [Infinity, -1, -1];
    groups.forEach(({ value, use }, g) => {
      for (let o = 0; o < value.length; o++) {
        const relief = reliefOf(use, options[g], o);
        const cost = (value[options[g]] - value[o]) / relief;
        if (relief > 0 && cost < least) [least, group, option] = [cost, g, o];
      }
    });
    if (group < 0) return null;
    groups[group].use.forEach((row, m) => (total[m] += row[option] - row[options[group]]));
    options[group] = option;
  }
  return null;

  /** How much of the overruns goes away, as fractions of each; 0 where another limit would be overrun more. */
  function reliefOf(use: Float64Array[], from: number, to: number): number {
    let relief = 0;
    for (let m = 0; m < use.length; m++) {
      const less = use[m][from] - use[m][to];
      const over = total[m] - capacity[m];
      if (over - less > Math.max(0, over)) return 0;
      if (over > 0) relief += Math.min(less, over) / over;
    }
    return relief;
  }
}

/** Spends what is left of the limits: again and again the single change of most value that fits. */
export function improve(program: Program, start: Int32Array): Int32Array {
  const { groups, capacity } = program;
  const options = Int32Array.from(start);
  const left = totalOf(program, options).use.map((use, m) => capacity[m] - use);
  for (;;) {
    let [gain, group, option] = [0, -1, -1];
    for (let g = 0; g < groups.length; g++) {
      const { value, use } = groups[g];
      const now = options[g];
      for (let o = 0; o < value.length; o++) {
        if (value[o] - value[now] > gain && use.every((row, m) => row[o] - row[now] <= left[m])) {
          [gain, group, option] = [value[o] - value[now], g, o];
        }
      }
    }
    if (group < 0) return options;
    groups[group].use.forEach((row, m) => (left[m] -= row[option] - row[options[group]]));
    options[group] = option;
  }
}

/** Where nothing limits: of each group the most valuable. */
export function mostValuable({ groups }: Program): Int32Array {
  return Int32Array.from(groups, ({ value }) => value.indexOf(maximum(value)));
}
