/** The Pareto curve: the best objective at every size, from the smallest file to the largest. */
import type { AllocationProblem, Budget } from '../problem/problem';
import { formulate, type Formulation, type Program, type Value } from '../problem/program';
import type { BitWidth } from '../problem/widths';
import { extendOneLimit } from '../solver/extend';
import { upperHull } from '../solver/hull';
import { dropUseless, maximum, minimum } from '../solver/reduce';
import { rootLayer, type StateLayer } from '../solver/stateLayer';
import { bitsTimesWeight } from './allocation';
import { choicesOf } from './solution';

/** What the curve runs along. */
export type Axis = 'bytes' | 'averageBits' | 'bops' | 'latency';

/** Points by rising size and objective; each is an exact optimum at its own size. */
export interface ParetoCurve {
  /** In the unit of the axis: bytes of the whole file, bits on average, bit operations, milliseconds. */
  size: Float64Array;
  objective: Float64Array;
  /** All distinct optima there are; false: only those on the convex hull. */
  isComplete: boolean;
  /** One width per candidate. */
  bitsAt(point: number): BitWidth[];
}

export interface ParetoOptions {
  /** Default: the paper's, weight x bits. */
  objective?: Value;
  /** Default: bytes. */
  axis?: Axis;
  /** More points than this are not followed up, default 100,000; 0: the convex hull at once. */
  maxPoints?: number;
  /** Milliseconds, default 500. */
  timeLimit?: number;
}

/**
 * The whole curve: every distinct optimum of the objective between the least and the largest size, by dynamic
 * programming over all functions. The problem's budgets are not looked at. Where there are too many optima (or too little
 * time) the curve of the convex hull comes instead, which is complete but for what lies below its edges.
 */
export function paretoCurve(problem: AllocationProblem, options: ParetoOptions = {}): ParetoCurve {
  const { objective = bitsTimesWeight, axis = 'bytes', maxPoints = 100_000, timeLimit = 500 } = options;
  const formulation = formulate({ ...problem, budgets: [withoutEnd(axis)] }, objective);
  const deadline = performance.now() + timeLimit;
  const points =
    (maxPoints > 0 ? allOptima(formulation.program, maxPoints, deadline) : null) ??
    onHull(formulation.program);
  const { unit, outside } = formulation.rows[0];
  return {
    size: points.use.map((use) => use * unit + outside),
    objective: points.value.map((value) => value * formulation.scale),
    isComplete: points.isComplete,
    bitsAt: (point) => bitsOf(problem, formulation, points.optionsAt(point)),
  };
}

interface Points {
  use: Float64Array;
  value: Float64Array;
  isComplete: boolean;
  optionsAt(point: number): Int32Array;
}

/** Null where there are more than `most`, or where time runs out. */
function allOptima(program: Program, most: number, deadline: number): Points | null {
  const reduced = dropUseless(program) as Program;
  const { groups } = reduced;
  const terms = groups.reduce((sum, { value }) => sum + Math.max(maximum(value), -minimum(value)), 0);
  const span = groups.map(({ use }) => maximum(use[0]) - minimum(use[0]));
  const order = [...groups.keys()].sort((a, b) => span[b] - span[a] || a - b);
  const layers: Pick<StateLayer, 'parent' | 'option'>[] = [];
  let last = rootLayer({ use: Float64Array.of(0), value: 0 });
  for (const g of order) {
    if (last.count > most || performance.now() > deadline) return null;
    last = extendOneLimit(last, {
      options: [...groups[g].value.keys()],
      use: [[...groups[g].use[0]]],
      value: [...groups[g].value],
      mostUse: Float64Array.of(Infinity),
      noise: (1e-12 * Math.max(1, terms)) / groups.length,
    });
    layers.push({ parent: last.parent.slice(0, last.count), option: last.option.slice(0, last.count) });
  }
  const optionsAt = (point: number): Int32Array => {
    const options = new Int32Array(groups.length);
    for (let l = layers.length - 1, s = point; l >= 0; l--) {
      const g = order[l];
      options[g] = groups[g].option[layers[l].option[s]];
      s = layers[l].parent[s];
    }
    return options;
  };
  const { use, value, count } = last;
  return { use: use[0].slice(0, count), value: value.slice(0, count), isComplete: true, optionsAt };
}

/** The corners of the hull and the points on its edges that one step of one group leads to; O(n log n). */
function onHull({ groups }: Program): Points {
  const hulls = groups.map(({ value, use }) => upperHull(value, use[0]));
  const steps = groups.flatMap(({ value, use }, group) =>
    hulls[group].slice(1).map((to, k) => {
      const from = hulls[group][k];
      const run = use[0][to] - use[0][from];
      const rise = value[to] - value[from];
      return { group, to, run, rise, slope: rise / run };
    }),
  );
  steps.sort((a, b) => b.slope - a.slope || a.group - b.group || a.run - b.run);
  const start = Int32Array.from(hulls, (hull) => hull[0]);
  const use = new Float64Array(steps.length + 1);
  const value = new Float64Array(steps.length + 1);
  use[0] = groups.reduce((sum, group, g) => sum + group.use[0][start[g]], 0);
  value[0] = groups.reduce((sum, group, g) => sum + group.value[start[g]], 0);
  steps.forEach(({ run, rise }, k) => {
    use[k + 1] = use[k] + run;
    value[k + 1] = value[k] + rise;
  });
  const optionsAt = (point: number): Int32Array => {
    const options = Int32Array.from(start);
    for (const { group, to } of steps.slice(0, point)) options[group] = to;
    return options;
  };
  return { use, value, isComplete: false, optionsAt };
}

function bitsOf(
  { candidates }: AllocationProblem,
  formulation: Formulation,
  options: Int32Array,
): BitWidth[] {
  return choicesOf(formulation, options).map((choice, i) => candidates[i].choices[choice].bits);
}

/** A limit of the axis' kind that nothing reaches. */
function withoutEnd(axis: Axis): Budget {
  switch (axis) {
    case 'bytes':
      return { kind: 'bytes', bytes: Infinity };
    case 'averageBits':
      return { kind: 'averageBits', bits: 64 };
    case 'bops':
      return { kind: 'bops', bops: Infinity };
    case 'latency':
      return { kind: 'latency', milliseconds: Infinity };
  }
}
