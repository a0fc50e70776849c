/** What the page knows: the extension's state, the user's plan with its history, and the solution that is shown. */
import { SettingsError } from '../src/core/allocation/buildProblem';
import type { Certificate, FixedBy } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import type { Importance } from '../src/core/scoring/importance';
import { t } from './l10n';
import { effective, improved, isNoise, type Task, worth } from './objective';
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
import { deciderOf, type Decider } from './decider';
import { measuredBits, type MeasuredBits } from './quality';
import { fixed, fixesOf, problemOf, type Range, rangeOf, weightsOf, widestProblem } from './problem';
import type { PanelState, SavedView } from './protocol';
import { type Plan } from './protocol';
import type { Frontier, Solver } from './solver';
import { totalsOf, type Totals } from './totals';

/** What is on show; bits stay those of the last solution while a new one is sought or none exists. */
export interface Shown {
  bits: (BitWidth | null)[];
  solver: Certificate | null;
  weights: Importance | null;
  /** Of the bits on show under the objective on show; null where there are none. */
  worth: number | null;
  totals: Totals | null;
  /** What was measured of exactly these bits; null: nothing. */
  measured: MeasuredBits | null;
  /** What decided about the bits, layer by layer; null where nothing of the kind did. */
  decider: Decider | null;
}

export interface Trouble {
  message: string;
  /** Plans that have a solution, with what they change. */
  fixes: { label: string; plan: Plan }[];
}

const NOTHING: Shown = {
  bits: [],
  solver: null,
  weights: null,
  totals: null,
  worth: null,
  measured: null,
  decider: null,
};

/** What changed, so that a part of the page redraws only what it must. */
export type Change = 'state' | 'solution' | 'frontier' | 'selection' | 'active' | 'view';

export class Store {
  state: PanelState | null = null;
  shown: Shown = NOTHING;
  trouble: Trouble | null = null;
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
  /** The plan that the bits on show, or the trouble, are of. */
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

  private tell(change: Change): void {
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

  indexOf(name: string): number {
    return this.state?.functions.findIndex((f) => f.name === name) ?? -1;
  }

  /** A new state from the extension. Unwritten changes stay, with a word if the config moved under them. */
  receive(state: PanelState): void {
    const fresh = planOf(state);
    const mine = this.unwritten ? this.plan : null;
    const moved = this.written !== null && fresh !== null && !samePlan(fresh, this.written);
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
    this.tell('state');
    this.ponder(true);
  }

  /** Drops unwritten changes for what the config says; undo brings them back. */
  takeConfig(): void {
    this.conflict = false;
    if (this.written) this.commit(this.written);
  }

  keepMine(): void {
    this.conflict = false;
    this.tell('view');
  }

  /** Shows a plan while it is dragged. */
  drag(plan: Plan): void {
    this.preview = plan;
    this.ponder(false);
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
    this.ponder(before === null || !sameCurve(before, plan) || this.frontier === null);
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
    this.ponder(!sameCurve(before, this.history.present));
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
    this.tell('selection');
  }

  /** What a change of bits is about: the selection, or else the active layer. */
  chosenNames(): string[] {
    const { selected, active } = this.view;
    if (selected.size > 0) return [...selected];
    const name = this.state?.functions[active]?.name;
    return name === undefined ? [] : [name];
  }

  activate(index: number): void {
    if (this.view.active === index) return;
    this.view.active = index;
    this.tell('active');
  }

  hover(index: number): void {
    if (this.view.hovered === index) return;
    this.view.hovered = index;
    this.tell('active');
  }

  setView(view: Partial<Pick<Store['view'], 'columnWidth' | 'showDecider' | 'budgetUnit'>>): void {
    Object.assign(this.view, view);
    this.tell('view');
  }

  /** What the config says, without solving anything. */
  private showConfig(task: Task | null): void {
    const { state } = this;
    if (!state) return;
    const bits = state.functions.map((f) => f.bits);
    const weights = weightsOf(state, state.settings ?? { decay: 'exp', beta: 1 });
    const solver = state.edited?.length ? null : state.solver;
    this.shown = { ...this.factsOf(state, bits, weights, task), solver };
    this.trouble = null;
  }

  private factsOf(
    state: PanelState,
    bits: (BitWidth | null)[],
    weights: Importance | null,
    task: Task | null,
  ): Omit<Shown, 'solver'> {
    return {
      bits,
      weights,
      totals: totalsOf(state, bits),
      worth: task && finite(worth(task, bits)),
      measured: measuredBits(state, bits),
      decider: deciderOf(state, weights, task),
    };
  }

  /** What the plan on show asks of the solver; null where there is nothing to solve. @throws SettingsError */
  private taskOf(state: PanelState, plan: Plan): Task | null {
    const weights = weightsOf(state, plan);
    if (!weights) return null;
    const { objective, beta } = effective(plan, state.contest);
    if (isNoise(objective) && state.functions.some((f) => f.noise === null)) {
      throw new SettingsError(
        t('The noise of this network was not measured: score again with this objective.'),
      );
    }
    const problem = problemOf(state, plan, weights.weight);
    return { problem, gamma: weights.gamma, objective, decay: plan.decay, beta };
  }

  /** Solves the plan on show, and the frontier again where `curve` says that more than the budget has changed. */
  private ponder(curve: boolean): void {
    const { state, plan } = this;
    let task: Task | null = null;
    try {
      task = state && plan && this.taskOf(state, plan);
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      this.trouble = { message: error.message, fixes: [] };
    }
    if (!state || !plan || !task) {
      this.settledPlan = plan;
      return this.tell('solution');
    }
    this.range = rangeOf(widestProblem(state, plan));
    if (curve) {
      this.frontier = null;
      this.tell('frontier');
      void this.seekFrontier(task);
    }
    if (this.written && samePlan(plan, this.written)) {
      this.showConfig(task);
      this.settledPlan = plan;
      this.tell('solution');
    } else {
      void this.solve(state, plan, task);
    }
  }

  /** The hull first, as it is there at once. */
  private async seekFrontier(task: Task): Promise<void> {
    for (const quick of [true, false]) {
      const frontier = await this.solver.frontier(task, quick);
      if (!frontier) return;
      this.frontier = frontier;
      this.tell('frontier');
    }
  }

  private async solve(state: PanelState, plan: Plan, task: Task): Promise<void> {
    const outcome = await this.solver.solve(task);
    if (!outcome || this.state !== state || (!this.unwritten && this.written !== null)) return;
    if ('allocation' in outcome) {
      const { bits, solver } = improved(outcome.allocation, plan, state.contest, task);
      const weights = weightsOf(state, plan);
      this.shown = { ...this.factsOf(state, bits, weights, task), solver };
      this.trouble = null;
    } else if ('infeasible' in outcome) {
      const fixes = outcome.fixes.map((fix) => fixed(plan, fix, state.model.bytes));
      this.trouble = { message: outcome.infeasible, fixes };
    } else {
      this.trouble = { message: outcome.failed, fixes: [] };
    }
    this.settledPlan = plan;
    this.tell('solution');
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The plans differ in nothing but their budget. */
function sameCurve(a: Plan, b: Plan): boolean {
  return samePlan({ ...a, budget: b.budget }, b);
}
