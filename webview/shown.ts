/** What is on show of one allocation, and what a plan asks of the solver. Pure. */
import { SettingsError } from '../src/core/allocation/buildProblem';
import type { Proof } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import type { Importance } from '../src/core/scoring/importance';
import { deciderOf, type Decider } from './decider';
import { t } from './l10n';
import { effective, isNoise, objectiveValue, type Task } from './objective';
import { planProblem, weightsOf } from './problem';
import type { PanelState, Plan } from './protocol';
import { measuredBits, type MeasuredBits } from './quality';
import { totalsOf, type Totals } from './totals';

/** What is on show; bits stay those of the last solution while a new one is sought or none exists. */
export interface Shown {
  bits: (BitWidth | null)[];
  solver: Proof | null;
  weights: Importance | null;
  /** Of the bits on show under the objective on show; null where there are none. */
  objectiveValue: number | null;
  totals: Totals | null;
  /** What was measured of exactly these bits; null: nothing. */
  measured: MeasuredBits | null;
  /** What decided about the bits, layer by layer; null where nothing of the kind did. */
  decider: Decider | null;
}

export const NOTHING: Shown = {
  bits: [],
  solver: null,
  weights: null,
  totals: null,
  objectiveValue: null,
  measured: null,
  decider: null,
};

export function factsOf(
  state: PanelState,
  bits: (BitWidth | null)[],
  weights: Importance | null,
  task: Task | null,
): Omit<Shown, 'solver'> {
  return {
    bits,
    weights,
    totals: totalsOf(state, bits),
    objectiveValue: task && finite(objectiveValue(task, bits)),
    measured: measuredBits(state, bits),
    decider: deciderOf(state, weights, task),
  };
}

/** What the plan on show asks of the solver; null where there is nothing to solve. @throws SettingsError */
export function taskOf(state: PanelState, plan: Plan): Task | null {
  const weights = weightsOf(state, plan);
  if (!weights) return null;
  const { objective, beta } = effective(plan, state.contest);
  if (isNoise(objective) && state.functions.some((f) => f.noise === null)) {
    throw new SettingsError(
      t('The noise of this network was not measured: score again with this objective.'),
    );
  }
  const problem = planProblem(state, plan, weights.weight);
  return { problem, gamma: weights.gamma, objective, decay: plan.decay, beta };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
