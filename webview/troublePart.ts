/** What is wrong with the budget, if something is, with a budget that can be met. */
import { formatBudget } from '../src/config/budget';
import { h } from './dom';
import { t } from './l10n';
import type { Part } from './part';
import type { Store } from './store';
import { button } from './toolkit';

export function troublePart(store: Store, document: Document): Part {
  const element = h(document, 'div', { class: 'trouble', role: 'alert', hidden: true });

  function draw(): void {
    const { trouble, plan } = store;
    element.hidden = !trouble;
    if (!trouble || !plan) return element.replaceChildren();
    const { nearest, message } = trouble;
    const use = (): void => void (nearest && store.commit({ ...plan, budget: nearest }));
    element.replaceChildren(
      h(document, 'p', {}, message),
      nearest ? button(document, { look: 'secondary' }, use, t('Use {0}', formatBudget(nearest))) : '',
    );
  }

  store.subscribe((change) => {
    if (change !== 'active' && change !== 'selection') draw();
  });
  return { element };
}
