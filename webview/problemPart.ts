/** What is wrong with the budget, if something is, with a budget that can be met. */
import { h } from './dom';
import type { Part } from './part';
import type { Store } from './store';
import { button } from './toolkit';

export function problemPart(store: Store, document: Document): Part {
  const element = h(document, 'div', { class: 'problem', role: 'alert', hidden: true });

  function draw(): void {
    const { problem, plan } = store;
    element.hidden = !problem;
    if (!problem || !plan) return element.replaceChildren();
    const offers = problem.fixes.map(({ label, plan: possible }) =>
      button(document, { look: 'secondary' }, () => store.commit(possible), label),
    );
    element.replaceChildren(h(document, 'p', {}, problem.message), ...offers);
  }

  store.subscribe((change) => {
    if (change !== 'active' && change !== 'selection') draw();
  });
  return { element };
}
