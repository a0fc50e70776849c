/** What the page knows: the extension's state, the user's plan with its history, and the solution that is shown. */
import { SettingsError } from '../src/core/allocation/buildProblem';
import type { FixedBy } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import { improved, type Task, planWinner } from './objective';
import { IMPROVED } from '../src/config/winner';
import {
  type History,
  moveTo,
  planOf,
  push,
  redo,
  samePlan,
  startHistory,
  undo,
  withLocks,
  withoutLocks,
} from './plan';
import { fixed, fixesOf, type Range, rangeOf, weightsOf, widestProblem } from './problem';
import type { PanelState, Plan, SavedView } from './protocol';
import { factsOf, NOTHING, type Shown, taskOf } from './shown';
import { sameBits } from '../src/config/measured';
import type { Frontier, Solver } from './solver';

export interface Problem {
  message: string;
  /** Plans that have a solution, with what they change. */
  fixes: { label: string; plan: Plan }[];
}

/** What changed, so that a part of the page redraws only what it must. */
export type Change = 'state' | 'solution' | 'frontier' | 'selection' | 'active' | 'view';

export class Store {
  state: PanelState | null = null;
  shown: Shown = NOTHING;
  problem: Problem | null = null;
  /** What was on show before the last change; null: nothing has changed yet. */
  before: Shown | null = null;
  /** What is on show since the last step, while the next is dragged. */
  private settled: Shown = NOTHING;
  range: Range | null = null;
  frontier: Frontier | null = null;
  history: History | null = null;
  /** A plan being dragged, not yet a step. */
  preview: Plan | null = null;
  /** What fixes each function, of the plan and the state that it was found for. */
  private fixed: { plan: Plan; state: PanelState; by: (FixedBy | null)[] } | null = null;
  /** The config's plan changed under unwritten changes. */
  conflict = false;
  readonly view = {
    columnWidth: 'equal' as SavedView['columnWidth'],
    showDecider: true,
    budgetUnit: 'MB' as SavedView['budgetUnit'],
    selected: new Set<string>(),
    /** Index of the function under the pointer or the keyboard cursor, or -1. */
    active: -1,
    hovered: -1,
  };
  private written: Plan | null = null;
  /** The plan that the bits on show, or the problem, are of. */
  private settledPlan: Plan | null = null;
  private readonly stepListeners = new Set<(before: Plan, after: Plan) => void>();
  private readonly listeners = new Set<(change: Change) => void>();

  constructor(private readonly solver: Solver) {}

  subscribe(listener: (change: Change) => void): void {
    this.listeners.add(listener);
  }

  /** Hears of every step that the user makes. */
  onStep(listener: (before: Plan, after: Plan) => void): void {
    this.stepListeners.add(listener);
  }

  private notify(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }

  get plan(): Plan | null {
    return this.preview ?? this.history?.present ?? null;
  }

  /** There are changes that the config does not have. */
  get unwritten(): boolean {
    return this.plan !== null && this.written !== null && !samePlan(this.plan, this.written);
  }

  /** What is on show is of the whole present plan: nothing is being dragged or sought. */
  get isSettled(): boolean {
    return this.preview === null && this.plan !== null && this.settledPlan === this.plan;
  }

  /** The bits on show were found by trying changes of the answer: no program has them for an answer. */
  get isImproved(): boolean {
    const winner = this.plan && planWinner(this.plan, this.state?.contest ?? null);
    return winner !== null && winner.name.endsWith(IMPROVED) && sameBits(winner.bits, this.shown.bits);
  }

  indexOf(name: string): number {
    return this.state?.functions.findIndex((f) => f.name === name) ?? -1;
  }

  /** A new state from the extension. Unwritten changes stay, with a word if the config moved under them. */
  receive(state: PanelState): void {
    const fresh = planOf(state);
    const mine = this.unwritten ? this.plan : null;
    const moved = this.written !== null && fresh !== null && !samePlan(fresh, this.written);
    if (state.functions.length !== this.settled.bits.length) {
      this.settled = NOTHING;
      this.before = null;
    }
    this.state = state;
    this.written = fresh;
    this.preview = null;
    for (const name of [...this.view.selected]) if (this.indexOf(name) < 0) this.view.selected.delete(name);
    if (!fresh) {
      this.history = null;
      this.conflict = false;
    } else if (mine && !samePlan(mine, fresh)) {
      this.history = moveTo(this.history ?? startHistory(fresh), mine);
      this.conflict = moved;
    } else {
      this.history = this.history ? moveTo(this.history, fresh) : startHistory(fresh);
      this.conflict = false;
    }
    if (this.view.active < 0 && state.functions.length > 0) this.view.active = 0;
    this.showConfig(null);
    this.notify('state');
    this.solve(true);
  }

  /** Drops unwritten changes for what the config says; undo brings them back. */
  takeConfig(): void {
    this.conflict = false;
    if (this.written) this.commit(this.written);
  }

  keepMine(): void {
    this.conflict = false;
    this.notify('view');
  }

  /** Shows a plan while it is dragged. */
  drag(plan: Plan): void {
    this.preview = plan;
    this.solve(false);
  }

  commit(plan: Plan): void {
    if (!this.history) return;
    const before = this.plan;
    const { present } = this.history;
    this.preview = null;
    this.history = push(this.history, plan);
    if (this.history.present !== present) {
      for (const listener of this.stepListeners) listener(present, this.history.present);
    }
    this.solve(before === null || !sameCurve(before, plan) || this.frontier === null);
  }

  undo(): void {
    this.step(undo);
  }

  redo(): void {
    this.step(redo);
  }

  /** Shows a plan that the extension holds; null: the config's. It is no step of the user's. */
  take(plan: Plan | null): void {
    const wanted = plan ?? this.written;
    if (wanted) this.step((history) => moveTo(history, wanted));
  }

  private step(move: (history: History) => History): void {
    if (!this.history) return;
    const before = this.history.present;
    this.preview = null;
    this.conflict = false;
    this.history = move(this.history);
    this.solve(!sameCurve(before, this.history.present));
  }

  lock(names: readonly string[], bits: BitWidth | null): void {
    if (!this.plan || !this.state) return;
    const current = new Map<string, BitWidth>();
    this.state.functions.forEach((f, i) => {
      const width = this.shown.bits[i];
      if (width) current.set(f.name, width);
    });
    this.commit(withLocks(this.plan, names, bits, current));
  }

  unlock(names: readonly string[]): void {
    if (this.plan) this.commit(withoutLocks(this.plan, names));
  }

  /** What fixes a function's width under the plan on show; a tie hands it on. */
  fixedBy(index: number): FixedBy | null {
    const { plan, state } = this;
    if (!plan || !state) return null;
    if (this.fixed?.plan !== plan || this.fixed.state !== state) {
      this.fixed = { plan, state, by: fixesOf(state, plan) };
    }
    return this.fixed.by[index] ?? null;
  }

  select(names: Iterable<string>, active?: number): void {
    this.view.selected = new Set(names);
    if (active !== undefined) this.view.active = active;
    this.notify('selection');
  }

  /** What a key that changes bits is about: the layer with the cursor, with the whole selection that it belongs to. */
  chosenNames(): string[] {
    const { selected, active } = this.view;
    const name = this.state?.functions[active]?.name;
    if (name === undefined) return [...selected];
    return selected.has(name) ? [...selected] : [name];
  }

  activate(index: number): void {
    if (this.view.active === index) return;
    this.view.active = index;
    this.notify('active');
  }

  hover(index: number): void {
    if (this.view.hovered === index) return;
    this.view.hovered = index;
    this.notify('active');
  }

  setView(view: Partial<Pick<Store['view'], 'columnWidth' | 'showDecider' | 'budgetUnit'>>): void {
    Object.assign(this.view, view);
    this.notify('view');
  }

  /** What the config says, without solving anything. */
  private showConfig(task: Task | null): void {
    const { state } = this;
    if (!state) return;
    const bits = state.functions.map((f) => f.bits);
    const weights = weightsOf(state, state.settings ?? { decay: 'exp', beta: 1 });
    const solver = state.edited?.length ? null : state.solver;
    this.show({ ...factsOf(state, bits, weights, task), solver });
  }

  /** Takes a solution on show; what it replaces is kept to compare with. */
  private show(shown: Shown): void {
    this.shown = shown;
    this.problem = null;
    const hasBits = this.settled.totals !== null;
    if (hasBits && !sameBits(this.settled.bits, shown.bits)) this.before = this.settled;
    if (!this.preview) this.settled = shown;
  }

  /** Solves the plan on show, and the frontier again where `curve` says that more than the budget has changed. */
  private solve(curve: boolean): void {
    const { state, plan } = this;
    let task: Task | null = null;
    try {
      task = state && plan && taskOf(state, plan);
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      this.problem = { message: error.message, fixes: [] };
    }
    if (!state || !plan || !task) {
      this.settledPlan = plan;
      return this.notify('solution');
    }
    this.range = rangeOf(widestProblem(state, plan));
    if (curve) {
      this.frontier = null;
      this.notify('frontier');
      void this.seekFrontier(task);
    }
    if (this.written && samePlan(plan, this.written)) {
      this.showConfig(task);
      this.settledPlan = plan;
      this.notify('solution');
    } else {
      void this.solvePlan(state, plan, task);
    }
  }

  /** The hull first, as it is there at once. */
  private async seekFrontier(task: Task): Promise<void> {
    for (const quick of [true, false]) {
      const frontier = await this.solver.frontier(task, quick);
      if (!frontier) return;
      this.frontier = frontier;
      this.notify('frontier');
    }
  }

  private async solvePlan(state: PanelState, plan: Plan, task: Task): Promise<void> {
    const outcome = await this.solver.solve(task);
    if (!outcome || this.state !== state || (!this.unwritten && this.written !== null)) return;
    if ('allocation' in outcome) {
      const { bits, solver } = improved(outcome.allocation, plan, state.contest, task);
      const weights = weightsOf(state, plan);
      this.show({ ...factsOf(state, bits, weights, task), solver });
    } else if ('infeasible' in outcome) {
      const fixes = outcome.fixes.map((fix) => fixed(plan, fix, state.model.bytes));
      this.problem = { message: outcome.infeasible, fixes };
    } else {
      this.problem = { message: outcome.failed, fixes: [] };
    }
    this.settledPlan = plan;
    this.notify('solution');
  }
}

/** The plans differ in nothing but their budget. */
function sameCurve(a: Plan, b: Plan): boolean {
  return samePlan({ ...a, budget: b.budget }, b);
}
