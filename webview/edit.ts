/** What is on show, as an allocation to copy or to write. */
import type { Allocated } from './copyAs';
import { t } from './l10n';
import type { PanelEdit, PlanOutcome } from './protocol';
import type { Store } from './store';

/** Every function with its bits; null where one has none yet. */
export function allocation({ state, shown }: Store): Allocated[] | null {
  if (!state || state.functions.length === 0 || shown.bits.some((bits) => bits === null)) return null;
  return state.functions.flatMap((f, i) => {
    const bits = shown.bits[i];
    return bits === null ? [] : [{ function: f, bits }];
  });
}

/** What the extension is asked to write; null where there is nothing that could be written. */
export function editOf(store: Store): PanelEdit | null {
  const { plan, shown } = store;
  const rows = allocation(store);
  if (!plan || !rows || !shown.solver) return null;
  const { locks, chosen, ...settings } = plan;
  return {
    settings,
    functions: rows.map(({ function: f, bits }, i) => ({
      name: f.name,
      bits,
      locked: Object.hasOwn(locks, f.name),
      importance: shown.weights?.weight[i] ?? 0,
    })),
    solver: shown.solver,
    chosen,
  };
}

/** What writing the plan on show would come to. */
export function outcomeOf(store: Store): PlanOutcome {
  if (store.problem) return { problem: store.problem.message };
  const edit = editOf(store);
  return edit ? { edit } : { problem: t('These settings have no solution yet.') };
}
