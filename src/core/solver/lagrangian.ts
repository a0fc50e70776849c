/** Lagrangian (= linear programming) bounds: every limit gets a price, and each group takes what is best at the prices. */
import { upperHull } from './hull';
import { solveLp } from './lpSolver';
import type { Program } from '../problem/program';
import { maximum, minimum } from './reduce';

export interface Dual {
  /** Price of one unit of each limit, >= 0. */
  prices: Float64Array;
  /** No solution has a larger value. */
  bound: number;
  /** Per group the option that is best at the prices; of equals the one that comes first. */
  best: Int32Array;
  /** How far bounds at these prices may be off by rounding; `bound` has it on top. Large where prices are. */
  rounding: number;
}

/** The prices with the least bound: exact up to rounding for one limit, to 1e-9 for several. */
export function solveDual(program: Program): Dual {
  return program.capacity.length === 1 ? oneLimit(program) : severalLimits(program);
}

/** The bound at the given prices, any that are not negative. */
function priced({ groups, capacity }: Program, prices: Float64Array): Dual {
  const best = new Int32Array(groups.length);
  let bound = capacity.reduce((sum, most, m) => sum + most * prices[m], 0);
  let size = Math.abs(bound);
  for (let g = 0; g < groups.length; g++) {
    const { value, use } = groups[g];
    let most = -Infinity;
    for (let o = 0; o < value.length; o++) {
      let worth = value[o];
      for (let m = 0; m < prices.length; m++) worth -= prices[m] * use[m][o];
      if (worth > most) [most, best[g]] = [worth, o];
    }
    bound += most;
    size += Math.abs(most);
  }
  const rounding = 4 * Number.EPSILON * size;
  return { prices, bound: bound + rounding, best, rounding };
}

/**
 * Walks the upper convex hulls of all groups by falling slope until the limit is reached; the slope there is the price.
 * O(n log n). `best` is within the limit.
 */
function oneLimit(program: Program): Dual {
  const { groups, capacity } = program;
  const hulls = groups.map(({ value, use }) => upperHull(value, use[0]));
  const steps = hulls.flatMap((hull, group) => {
    const { value, use } = groups[group];
    return hull.slice(1).map((to, k) => {
      const run = use[0][to] - use[0][hull[k]];
      return { group, to, run, slope: (value[to] - value[hull[k]]) / run };
    });
  });
  steps.sort((a, b) => b.slope - a.slope || a.group - b.group);
  let left = groups.reduce((rest, { use }) => rest - minimum(use[0]), capacity[0]);
  const critical = steps.find(({ run }) => (left -= run) < 0);
  const price = critical?.slope ?? 0;
  const dual = priced(program, Float64Array.of(price));
  // Rounding in value - price x use must not decide between options that are equal at the price: the hull does.
  hulls.forEach((hull, g) => (dual.best[g] = hull[0]));
  for (const step of steps) if (step.slope > price) dual.best[step.group] = step.to;
  return dual;
}

/**
 * Kelley's cutting planes: each choice of options is a line below the bound as a function of the prices; the linear
 * program over the lines found so far proposes the next prices.
 */
function severalLimits(program: Program): Dual {
  const { groups, capacity } = program;
  // In units in which everything is of order 1.
  const unit = capacity.map((_, m) =>
    Math.max(
      1,
      groups.reduce((sum, { use }) => sum + maximum(use[m]), 0),
    ),
  );
  const range = groups.reduce((sum, { value }) => sum + maximum(value) - minimum(value), 0);
  const box = Array.from(capacity, (_, m) => ({
    coefficients: [0, ...Array.from(capacity, (_, k) => (k === m ? 1 : 0))],
    most: 1e4 * Math.max(range, 1e-6),
  }));
  const lines: { coefficients: number[]; most: number }[] = [];
  let dual = priced(program, new Float64Array(capacity.length));
  let next = dual;
  for (let round = 0; round < 40 + 20 * capacity.length; round++) {
    const { best } = next;
    const slope = Array.from(
      capacity,
      (most, m) => groups.reduce((rest, { use }, g) => rest - use[m][best[g]], most) / unit[m],
    );
    lines.push({
      coefficients: [-1, ...slope],
      most: -groups.reduce((sum, { value }, g) => sum + value[best[g]], 0),
    });
    const proposal = solveLp({ objective: [-1, ...slope.map(() => 0)], rows: [...lines, ...box], free: [0] });
    if (proposal === null || dual.bound - proposal[0] <= 1e-9 * Math.max(1, Math.abs(dual.bound)))
      return dual;
    next = priced(
      program,
      proposal.slice(1).map((price, m) => Math.max(0, price) / unit[m]),
    );
    if (next.bound < dual.bound) dual = next;
  }
  return dual;
}
