/** What the page shows and changes -> what the solver is asked. */
import { formatBudget, type BudgetSpec } from '../src/config/budget';
import { allBudgets } from '../src/config/limits';
import { buildProblem, SettingsError } from '../src/core/allocation/buildProblem';
import type { AllocationProblem, FixedBy } from '../src/core/problem/problem';
import { importance, type Importance, importanceOfGamma } from '../src/core/scoring/importance';
import { t } from './l10n';
import { LIMIT_TEXTS } from './limitTexts';
import type { PanelState, Plan } from './protocol';
import type { Fix } from './solver';

/** Importance under the plan's decay and beta, from the ORM or the gamma that the config keeps; null before scoring. */
export function weightsOf(
  state: PanelState,
  { decay, beta }: Pick<Plan, 'decay' | 'beta'>,
): Importance | null {
  const { functions, orm } = state;
  if (functions.length === 0) return null;
  if (orm) return importance(orm, functions.length, { decay, beta });
  if (functions.some((f) => f.gamma === null)) return null;
  return importanceOfGamma(
    Float64Array.from(functions, (f) => f.gamma ?? 0),
    { decay, beta },
  );
}

/** @throws SettingsError for settings that contradict each other */
export function planProblem(
  state: PanelState,
  plan: Omit<Plan, 'chosen' | 'objective'>,
  weight: Float64Array,
): AllocationProblem {
  return buildProblem(
    state.functions.map((f, i) => ({
      ...f,
      weight: weight[i],
      // Found when the model was quantized; here they stay.
      activationWidths: f.activationBits === undefined ? undefined : [f.activationBits],
    })),
    {
      widths: plan.widths,
      pins: plan.pins,
      locks: plan.locks,
      rules: state.rules,
      ties: state.ties,
      fixedBytes: state.fixedBytes,
      fixedMilliseconds: state.restMilliseconds,
      activationBits: state.activationBits,
      budget: allBudgets(plan.budget, plan.limits, state.model.bytes),
    },
  );
}

/** The problem in which automatic pins give way as far as they can: what is the least at all. */
export function widestProblem(state: PanelState, plan: Plan): AllocationProblem {
  return planProblem(
    state,
    { ...plan, budget: { bytes: 1 }, limits: {} },
    new Float64Array(state.functions.length),
  );
}

/** What fixes each function's width under a plan; null: nothing, and for all where the plan contradicts itself. */
export function fixesOf(state: PanelState, plan: Plan): (FixedBy | null)[] {
  try {
    const { candidates } = planProblem(state, plan, new Float64Array(state.functions.length));
    return candidates.map(({ fixedBy }) => fixedBy ?? null);
  } catch (error) {
    if (error instanceof SettingsError) return state.functions.map(() => null);
    throw error;
  }
}

/** What budgets make a difference. */
export interface Range {
  smallest: number;
  largest: number;
  /** Average bits at either end. */
  leastBits: number;
  mostBits: number;
}

export function rangeOf({ candidates, fixedBytes }: AllocationProblem): Range {
  const params = candidates.reduce((sum, c) => sum + c.params, 0) || 1;
  const range = { smallest: fixedBytes, largest: fixedBytes, leastBits: 0, mostBits: 0 };
  for (const { choices, params: own } of candidates) {
    const bytes = choices.map((choice) => choice.bytes);
    range.smallest += Math.min(...bytes);
    range.largest += Math.max(...bytes);
    range.leastBits += (choices[0].bits * own) / params;
    range.mostBits += (choices[choices.length - 1].bits * own) / params;
  }
  return range;
}

/** The plan with what makes it possible. */
export function fixed(plan: Plan, fix: Fix, modelBytes: number): { label: string; plan: Plan } {
  if ('least' in fix) {
    const budget = nearestFeasible(plan.budget, fix.least, modelBytes);
    return { label: t('Use {0}', formatBudget(budget)), plan: { ...plan, budget } };
  }
  const kind = fix.drop === 'latency' ? 'milliseconds' : fix.drop;
  const { [kind]: _given, ...limits } = plan.limits ?? {};
  return { label: t('Remove the limit on {0}', LIMIT_TEXTS[kind]), plan: { ...plan, limits } };
}

/** The budget of the same kind that is closest and can be met. */
function nearestFeasible(
  budget: BudgetSpec,
  least: { bytes: number; averageBits: number },
  modelBytes: number,
): BudgetSpec {
  if ('averageBits' in budget) return { averageBits: least.averageBits };
  if ('bytes' in budget) return { bytes: least.bytes };
  return { ratio: Math.floor((modelBytes / least.bytes) * 100) / 100 };
}
