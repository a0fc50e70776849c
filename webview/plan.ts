/** What the user has changed in the page but not yet written: pure values, with undo and redo. */
import type { BitWidth } from '../src/core/problem/widths';
import type { PanelState, Plan } from './protocol';

/** The plan that the config stands for; null before the first allocation. */
export function planOf(state: PanelState): Plan | null {
  if (!state.settings) return null;
  const locked = state.functions.filter((f) => f.locked && f.bits !== null);
  const chosen = state.contest?.chosen ?? null;
  return {
    ...state.settings,
    chosen,
    locks: Object.fromEntries(locked.map((f) => [f.name, f.bits as BitWidth])),
  };
}

export function samePlan(a: Plan, b: Plan): boolean {
  return canonical(a) === canonical(b);
}

function canonical(plan: Plan): string {
  const { budget, pins, locks } = plan;
  return JSON.stringify([
    plan.objective,
    plan.chosen,
    budget,
    Object.entries(plan.limits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    [...plan.widths].sort((a, b) => a - b),
    pins ? [pins.first ?? 0, pins.last ?? 0] : null,
    plan.decay,
    plan.beta,
    Object.entries(locks).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

/** Locks the named functions at `bits`; null: at the bits they have in `current`. */
export function withLocks(
  plan: Plan,
  names: readonly string[],
  bits: BitWidth | null,
  current: ReadonlyMap<string, BitWidth>,
): Plan {
  const locks = { ...plan.locks };
  for (const name of names) {
    const width = bits ?? current.get(name);
    if (width !== undefined) locks[name] = width;
  }
  return { ...plan, locks };
}

export function withoutLocks(plan: Plan, names: readonly string[]): Plan {
  const gone = new Set(names);
  return {
    ...plan,
    locks: Object.fromEntries(Object.entries(plan.locks).filter(([name]) => !gone.has(name))),
  };
}

export interface History {
  past: Plan[];
  present: Plan;
  future: Plan[];
}

const DEPTH = 200;

export function startHistory(plan: Plan): History {
  return { past: [], present: plan, future: [] };
}

/** A step that undo takes back; a plan that changes nothing is no step. */
export function push(history: History, plan: Plan): History {
  if (samePlan(history.present, plan)) return history;
  return { past: [...history.past.slice(-DEPTH + 1), history.present], present: plan, future: [] };
}

/** The history moved to a plan that it is told of: a step back or on where that is its neighbour. */
export function moveTo(history: History, plan: Plan): History {
  const { past, present, future } = history;
  if (samePlan(present, plan)) return history;
  if (past.length > 0 && samePlan(past[past.length - 1], plan)) return undo(history);
  if (future.length > 0 && samePlan(future[0], plan)) return redo(history);
  return { past, present: plan, future };
}

export function undo(history: History): History {
  const previous = history.past.at(-1);
  if (!previous) return history;
  return {
    past: history.past.slice(0, -1),
    present: previous,
    future: [history.present, ...history.future],
  };
}

export function redo(history: History): History {
  const [next, ...future] = history.future;
  return next ? { past: [...history.past, history.present], present: next, future } : history;
}
