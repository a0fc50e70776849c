/** What is wrong with the budget, if something is, with a budget that can be met. */
import { h } from './dom';
import type { Part } from './part';
import type { Store } from './store';
import { button } from './toolkit';

export function troublePart(store: Store, document: Document): Part {
  const element = h(document, 'div', { class: 'trouble', role: 'alert', hidden: true });

  function draw(): void {
    const { trouble, plan } = store;
    element.hidden = !trouble;
    if (!trouble || !plan) return element.replaceChildren();
    const offers = trouble.fixes.map(({ label, plan: possible }) =>
      button(document, { look: 'secondary' }, () => store.commit(possible), label),
    );
    element.replaceChildren(h(document, 'p', {}, trouble.message), ...offers);
  }

  store.subscribe((change) => {
    if (change !== 'active' && change !== 'selection') draw();
  });
  return { element };
}
