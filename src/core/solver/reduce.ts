/** Smaller programs with the same optimum. */
import type { Group, Program } from '../problem/program';

/**
 * Without options that are never needed: those that overrun a limit even with the least of everything else, and those
 * that another option of the group beats or equals in value and in every limit. Null when a group has none left, or
 * when the least of everything overruns a limit: the program is infeasible.
 */
export function dropUseless(program: Program): Program | null {
  const { capacity } = program;
  let groups = program.groups;
  for (let before = Infinity; before > countOptions(groups);) {
    before = countOptions(groups);
    const least = capacity.map((_, m) => groups.reduce((sum, group) => sum + minimum(group.use[m]), 0));
    if (least.some((use, m) => use > capacity[m])) return null;
    groups = groups.map((group) =>
      keep(group, (o) => group.use.every((use, m) => least[m] - minimum(use) + use[o] <= capacity[m])),
    );
    if (groups.some((group) => group.value.length === 0)) return null;
  }
  return { groups: groups.map(withoutDominated), capacity };
}

/**
 * The same limits in the largest unit that all differences between options are whole multiples of, counted from the
 * least of each group: what is left of a capacity below one unit can never be used, and the bounds then know it.
 */
export function coarsest({ groups, capacity }: Program): Program {
  const least = groups.map((group) => group.use.map(minimum));
  const units = capacity.map((_, m) =>
    groups.reduce((unit, { use }, g) => use[m].reduce((d, u) => gcd(d, u - least[g][m]), unit), 0),
  );
  return {
    groups: groups.map((group, g) => ({
      ...group,
      use: group.use.map((use, m) => use.map((u) => (u - least[g][m]) / (units[m] || 1))),
    })),
    capacity: capacity.map((most, m) =>
      Math.floor((most - least.reduce((sum, group) => sum + group[m], 0)) / (units[m] || 1)),
    ),
  };
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** The options for which `wanted` holds, in order. */
export function keep(group: Group, wanted: (option: number) => boolean): Group {
  const kept: number[] = [];
  for (let o = 0; o < group.value.length; o++) if (wanted(o)) kept.push(o);
  if (kept.length === group.value.length) return group;
  return {
    value: Float64Array.from(kept, (o) => group.value[o]),
    use: group.use.map((use) => Float64Array.from(kept, (o) => use[o])),
    option: Int32Array.from(kept, (o) => group.option[o]),
  };
}

function withoutDominated(group: Group): Group {
  const { value, use } = group;
  const beats = (a: number, b: number): boolean => {
    if (a === b || value[a] < value[b] || use.some((row) => row[a] > row[b])) return false;
    // Of two that are equal in everything the later one (more bits) stays.
    return value[a] > value[b] || use.some((row) => row[a] < row[b]) || a > b;
  };
  return keep(group, (o) => !value.some((_, other) => beats(other, o)));
}

export function minimum(values: Float64Array): number {
  let least = Infinity;
  for (const value of values) if (value < least) least = value;
  return least;
}

export function maximum(values: Float64Array): number {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}

function countOptions(groups: readonly Group[]): number {
  return groups.reduce((sum, group) => sum + group.value.length, 0);
}
