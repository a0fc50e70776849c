/** The contest, where one was held; one click shows another of its candidates. */
import { contestTable } from './contest';
import { h } from './dom';
import type { Part } from './part';
import { winnerOf } from './objective';
import type { Store } from './store';
import { t } from './l10n';

export function contestPart(store: Store, document: Document): Part {
  const room = h(document, 'div', { class: 'contest-room' });
  const element = h(
    document,
    'section',
    { class: 'card', hidden: true, 'aria-labelledby': 'ompq-contest-title' },
    h(
      document,
      'div',
      { class: 'card-head' },
      h(document, 'h2', { id: 'ompq-contest-title' }, t('Measured contest')),
    ),
    room,
  );
  let drawn = '';

  function draw(): void {
    const { state, plan } = store;
    element.hidden = !state?.contest || !plan;
    if (!state?.contest || !plan) return;
    const chosen = winnerOf(plan, state.contest)?.name ?? null;
    const key = JSON.stringify([state.contest, chosen]);
    if (key === drawn) return;
    drawn = key;
    const adopt = (name: string): void => {
      if (store.plan) store.commit({ ...store.plan, objective: 'auto', chosen: name });
    };
    room.replaceChildren(contestTable({ contest: state.contest, chosen }, document, adopt));
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}
