/** The budget with everything that decides the bits: curve, slider, limits, settings. */
import { budgetControl } from './budgetControl';
import { curvePart } from './curvePart';
import { h } from './dom';
import { t } from './l10n';
import { limitsPart } from './limitsPart';
import type { Part } from './part';
import type { PanelRequest } from './protocol';
import { qualityPart } from './qualityPart';
import { settingsPart } from './settingsPart';
import type { Store } from './store';
import { problemPart } from './problemPart';

/** @param bar takes the number of the budget, which stays in sight of the bit map */
export function budgetPart(
  store: Store,
  document: Document,
  bar: HTMLElement,
  request: (request: PanelRequest) => Promise<boolean>,
): Part {
  const hint = h(document, 'span', { class: 'hint' });
  const control = budgetControl(store, document);
  const title = h(document, 'h2', { id: 'ompq-budget-title' }, t('Size and quality'));
  const element = h(
    document,
    'section',
    { class: 'card budget', 'aria-labelledby': 'ompq-budget-title' },
    h(document, 'div', { class: 'card-head' }, title, hint),
    curvePart(store, document, { slider: control.slider, hint }).element,
    control.slider,
    qualityPart(store, document, request).element,
    limitsPart(store, document).element,
    problemPart(store, document).element,
    settingsPart(store, document).element,
  );
  bar.append(control.row);
  store.subscribe((change) => {
    if (change === 'active' || change === 'selection') return;
    element.hidden = !store.plan;
    bar.hidden = !store.plan;
    control.draw();
  });
  return { element };
}
