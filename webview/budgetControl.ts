/** The number of the budget, in the unit of the user, and the slider; both change the plan. */
import { formatSize, formatAverage } from '../src/common/sizes';
import { formatBudget } from '../src/config/budget';
import { amountIn, budgetAt, budgetFrom, bytesOf, converted, unitOf, UNITS } from './budgetUnits';
import { h } from './dom';
import { t } from './l10n';
import type { BudgetUnit } from './protocol';
import type { Store } from './store';
import { dropdown, textField } from './toolkit';

const STEPS = 1000;

export interface BudgetControl {
  slider: HTMLInputElement;
  row: HTMLElement;
  draw(): void;
}

export function budgetControl(store: Store, document: Document): BudgetControl {
  const slider = h(document, 'input', {
    type: 'range',
    min: 0,
    max: STEPS,
    step: 1,
    'aria-label': t('Budget'),
    class: 'slider',
  });
  const field = textField(document, { label: t('Budget'), value: '', size: 10 }, (text) => {
    if (!enterBudget(store, text)) draw();
  });
  const unitRoom = h(document, 'span', { class: 'unit' });
  const used = h(document, 'p', { class: 'used', 'aria-live': 'polite' });
  let unitShown: BudgetUnit | null = null;

  function slide(commit: boolean): void {
    const { plan, range, state, view } = store;
    if (!plan || !range || !state) return;
    const bytes = range.smallest + (Number(slider.value) / STEPS) * (range.largest - range.smallest);
    const budget = budgetAt(bytes, view.budgetUnit, range, state.model.bytes);
    if (commit) store.commit({ ...plan, budget });
    else store.drag({ ...plan, budget });
    draw();
  }
  slider.addEventListener('input', () => slide(false));
  slider.addEventListener('change', () => slide(true));

  function draw(): void {
    const { plan, range, state, view, shown } = store;
    if (!plan || !range || !state) return;
    const amount = amountIn(view.budgetUnit, plan.budget, range, state.model.bytes);
    if (document.activeElement !== field || !field.matches(':focus-within')) field.value = amount;
    if (unitShown !== view.budgetUnit) {
      unitShown = view.budgetUnit;
      const change = (value: string): void => changeUnit(store, value);
      unitRoom.replaceChildren(dropdown(document, t('Unit of the budget'), UNITS, unitShown, change));
    }
    if (!store.preview) {
      const bytes = bytesOf(plan.budget, range, state.model.bytes);
      const share = (bytes - range.smallest) / (range.largest - range.smallest || 1);
      slider.value = String(Math.round(share * STEPS));
    }
    slider.setAttribute('aria-valuetext', formatBudget(plan.budget));
    used.textContent = shown.totals
      ? t(
          '{0} used, {1} bits on average',
          formatSize(shown.totals.sizeBytes),
          formatAverage(shown.totals.averageBits),
        )
      : '';
  }

  const name = h(document, 'span', { class: 'budget-name', 'aria-hidden': 'true' }, t('Budget'));
  const row = h(document, 'div', { class: 'budget-row' }, name, field, unitRoom, used);
  return { slider, row, draw };
}

/** false: it is no budget. */
function enterBudget(store: Store, text: string): boolean {
  const { plan, view } = store;
  if (!plan) return true;
  const budget = budgetFrom(text, view.budgetUnit);
  if (!budget) return false;
  const isSize = view.budgetUnit !== 'bits' && view.budgetUnit !== 'ratio';
  const unit = 'bytes' in budget && !isSize ? unitOf(budget) : view.budgetUnit;
  if (unit !== view.budgetUnit) store.setView({ budgetUnit: unit });
  store.commit({ ...plan, budget });
  return true;
}

function changeUnit(store: Store, value: string): void {
  const budgetUnit = UNITS.find((unit) => unit.value === value)?.value;
  const { plan, range, state, view } = store;
  if (!budgetUnit || budgetUnit === view.budgetUnit || !plan || !range || !state) return;
  store.setView({ budgetUnit });
  store.commit({ ...plan, budget: converted(budgetUnit, plan.budget, range, state.model.bytes) });
}
