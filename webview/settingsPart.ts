/** Widths, pins, and how orthogonality becomes importance: all of it re-solves without scoring again. */
import type { BitWidth } from '../src/core/problem/widths';
import { h } from './dom';
import { t } from './l10n';
import { keepingFocus, type Part } from './part';
import type { Plan } from './protocol';
import { settingControls } from './settingControls';
import { DECAY_NAMES, OBJECTIVE_NAMES } from './settingTexts';
import type { Store } from './store';

export function settingsPart(store: Store, document: Document): Part {
  const body = h(document, 'div', { class: 'settings-body' });
  const summary = h(document, 'summary', {});
  const element = h(document, 'details', { class: 'settings' }, summary, body);
  let drawn = '';

  function change(part: Partial<Plan>): void {
    if (store.plan) store.commit({ ...store.plan, ...part });
  }

  function draw(): void {
    const { plan, state } = store;
    if (!plan || !state) return;
    summary.textContent = summaryOf(plan);
    // rebuilding the controls would take the focus from the one in use
    const noise = state.functions.every((f) => f.noise !== null);
    const key = JSON.stringify([{ ...plan, budget: null, locks: null }, noise, state.contest?.chosen]);
    if (key === drawn) return;
    drawn = key;
    const { contest } = state;
    keepingFocus(body, 'data-setting', () =>
      body.replaceChildren(...settingControls({ plan, noise, contest }, document, change)),
    );
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}

function summaryOf(plan: Plan): string {
  const facts = [OBJECTIVE_NAMES[plan.objective], runs(plan.widths), pinText(plan), DECAY_NAMES[plan.decay]];
  return plan.decay === 'exp'
    ? t('{0} · widths {1} · {2} · importance {3}, β = {4}', ...facts, plan.beta)
    : t('{0} · widths {1} · {2} · importance {3}', ...facts);
}

function runs(widths: readonly BitWidth[]): string {
  const contiguous = widths.length > 2 && widths.every((w, i) => i === 0 || w === widths[i - 1] + 1);
  return contiguous ? `${widths[0]}–${widths[widths.length - 1]}` : widths.join(', ');
}

function pinText({ pins }: Plan): string {
  const [first, last] = [pins?.first, pins?.last].map((pin) => (pin === 'auto' ? t('auto') : pin));
  if (first !== undefined && last !== undefined) {
    return first === last ? t('first and last at {0}', first) : t('first at {0}, last at {1}', first, last);
  }
  if (first !== undefined) return t('first at {0}', first);
  return last === undefined ? t('no pins') : t('last at {0}', last);
}
