/** The Pareto curve with the budget slider under it, the number field, and what is wrong with the budget if something is. */
import { formatBudget, formatSize } from '../src/config/budget';
import { amountIn, budgetAt, budgetFrom, bytesOf, converted, unitOf, UNITS } from './budgetUnits';
import { h } from './dom';
import { plural } from './format';
import { limitsPart } from './limitsPart';
import type { Part } from './mapPart';
import { effective, isNoise } from './objective';
import { pareto, PARETO_MARGIN } from './pareto';
import type { BudgetUnit } from './protocol';
import { settingsPart } from './settingsPart';
import type { Frontier } from './solver';
import type { Store } from './store';
import { button, dropdown, textField, type ToolkitElement } from './toolkit';
import { t } from './l10n';

const STEPS = 1000;

export function budgetPart(store: Store, document: Document): Part {
  const curve = h(document, 'div', { class: 'curve' });
  const hint = h(document, 'span', { class: 'hint' });
  const slider = h(document, 'input', {
    type: 'range',
    min: 0,
    max: STEPS,
    step: 1,
    'aria-label': t('Budget'),
    class: 'slider',
  });
  const field = textField(document, { label: t('Budget'), value: '', size: 10 }, enter);
  const unitRoom = h(document, 'span', { class: 'unit' });
  const used = h(document, 'p', { class: 'used', 'aria-live': 'polite' });
  const trouble = h(document, 'div', { class: 'trouble', role: 'alert', hidden: true });
  const element = h(
    document,
    'section',
    { class: 'card budget', 'aria-labelledby': 'ompq-budget-title' },
    h(
      document,
      'div',
      { class: 'card-head' },
      h(document, 'h2', { id: 'ompq-budget-title' }, t('Budget')),
      hint,
    ),
    curve,
    slider,
    h(document, 'div', { class: 'budget-row' }, field, unitRoom, used),
    limitsPart(store, document).element,
    trouble,
    settingsPart(store, document).element,
  );
  let unitShown: BudgetUnit | null = null;

  function enter(text: string): void {
    const { plan, view } = store;
    if (!plan) return;
    const budget = budgetFrom(text, view.budgetUnit);
    if (!budget) return drawRow();
    const unit =
      'bytes' in budget && !(view.budgetUnit in { MB: 0, MiB: 0, KB: 0 }) ? unitOf(budget) : view.budgetUnit;
    if (unit !== view.budgetUnit) store.setView({ budgetUnit: unit });
    store.commit({ ...plan, budget });
  }

  function changeUnit(value: string): void {
    const budgetUnit = UNITS.find((unit) => unit.value === value)?.value;
    const { plan, range, state, view } = store;
    if (!budgetUnit || budgetUnit === view.budgetUnit || !plan || !range || !state) return;
    store.setView({ budgetUnit });
    store.commit({ ...plan, budget: converted(budgetUnit, plan.budget, range, state.model.bytes) });
  }

  function slide(commit: boolean): void {
    const { plan, range, state, view } = store;
    if (!plan || !range || !state) return;
    const bytes = range.smallest + (Number(slider.value) / STEPS) * (range.largest - range.smallest);
    const budget = budgetAt(bytes, view.budgetUnit, range, state.model.bytes);
    if (commit) store.commit({ ...plan, budget });
    else store.drag({ ...plan, budget });
    drawRow();
  }
  slider.addEventListener('input', () => slide(false));
  slider.addEventListener('change', () => slide(true));

  function drawCurve(): void {
    const { range, shown, frontier, plan, state } = store;
    const noisy = plan !== null && isNoise(effective(plan, state?.contest ?? null).objective);
    if (!range) return;
    const width = Math.max(240, Math.floor(curve.clientWidth) || 480);
    const current =
      shown.totals && shown.worth !== null
        ? { sizeBytes: shown.totals.sizeBytes, objective: shown.worth }
        : null;
    curve.replaceChildren(
      pareto(
        { frontier, current, isNoise: noisy, range, width, height: curve.clientHeight || 250 },
        document,
      ),
    );
    hint.textContent = frontier ? curveHint(frontier) : t('computing the curve…');
    slider.style.marginLeft = `${PARETO_MARGIN.left - 8}px`;
    slider.style.width = `${width - PARETO_MARGIN.left - PARETO_MARGIN.right + 16}px`;
  }

  function drawRow(): void {
    const { plan, range, state, view, shown } = store;
    if (!plan || !range || !state) return;
    const amount = amountIn(view.budgetUnit, plan.budget, range, state.model.bytes);
    if (document.activeElement !== field || !field.matches(':focus-within')) field.value = amount;
    if (unitShown !== view.budgetUnit) {
      unitShown = view.budgetUnit;
      unitRoom.replaceChildren(dropdown(document, t('Unit of the budget'), UNITS, unitShown, changeUnit));
    }
    if (!store.preview) {
      const bytes = bytesOf(plan.budget, range, state.model.bytes);
      slider.value = String(
        Math.round(((bytes - range.smallest) / (range.largest - range.smallest || 1)) * STEPS),
      );
    }
    slider.setAttribute('aria-valuetext', formatBudget(plan.budget));
    used.textContent = shown.totals
      ? t(
          '{0} used, {1} bits on average',
          formatSize(shown.totals.sizeBytes),
          shown.totals.averageBits.toFixed(2),
        )
      : '';
  }

  function drawTrouble(): void {
    const { trouble: wrong, plan } = store;
    trouble.hidden = !wrong;
    if (!wrong || !plan) return trouble.replaceChildren();
    const { nearest } = wrong;
    const offer: ToolkitElement | null = nearest
      ? button(
          document,
          { look: 'secondary' },
          () => store.commit({ ...plan, budget: nearest }),
          t('Use {0}', formatBudget(nearest)),
        )
      : null;
    trouble.replaceChildren(h(document, 'p', {}, wrong.message), offer ?? '');
  }

  store.subscribe((change) => {
    if (change === 'active' || change === 'selection') return;
    element.hidden = !store.plan;
    if (change === 'frontier' || change === 'solution' || change === 'state') drawCurve();
    drawRow();
    drawTrouble();
  });
  new ResizeObserver(() => drawCurve()).observe(curve);
  return { element };
}

function curveHint({ size, isComplete, isSampled }: Frontier): string {
  const n = size.length;
  if (isSampled) return plural(n, t('{0} size within the limits', n), t('{0} sizes within the limits', n));
  return isComplete
    ? plural(n, t('all {0} distinct optimum', n), t('all {0} optima', n))
    : plural(n, t('{0} optimum on the convex hull', n), t('{0} optima on the convex hull', n));
}
