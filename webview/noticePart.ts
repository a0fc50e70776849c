/** One sentence about what was last asked for, and the question whose changes count where both sides have some. */
import { h } from './dom';
import { t } from './l10n';
import type { Part } from './part';
import type { Store } from './store';
import { button } from './toolkit';

export interface NoticePart extends Part {
  /** null: nothing. */
  say: (message: string | null) => void;
}

export function noticePart(store: Store, document: Document): NoticePart {
  const element = h(document, 'div', { class: 'notice', role: 'status', hidden: true });
  let isConflict = false;

  function say(message: string | null): void {
    element.hidden = message === null;
    element.replaceChildren(message ?? '');
    isConflict = false;
  }

  function askWhose(): void {
    element.hidden = false;
    isConflict = true;
    element.replaceChildren(
      h(document, 'span', {}, t('The config has changed while you have changes here that are not written.')),
      button(document, { look: 'secondary' }, () => store.takeConfig(), t('Take the config')),
      button(document, { look: 'secondary' }, () => store.keepMine(), t('Keep mine')),
    );
  }

  store.subscribe((change) => {
    if (change !== 'state' && change !== 'view' && change !== 'solution') return;
    if (store.conflict) askWhose();
    else if (isConflict) say(null);
  });
  return { element, say };
}
