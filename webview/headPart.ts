/** The head of the page: title, the few numbers, warnings. */
import { h } from './dom';
import { tiles, title, warnings } from './header';
import type { Store } from './store';

export interface HeadPart {
  title: HTMLElement;
  tiles: HTMLElement;
  warnings: HTMLElement;
}

export function headPart(store: Store, document: Document, openConfig: () => void): HeadPart {
  const part: HeadPart = {
    title: h(document, 'div', { class: 'head-room' }),
    tiles: h(document, 'div', { class: 'tile-room' }),
    warnings: h(document, 'div', { class: 'warning-room' }),
  };
  store.subscribe((change) => {
    const { state, shown } = store;
    if (!state || (change !== 'state' && change !== 'solution')) return;
    const data = { state, totals: shown.totals, solver: shown.solver, unwritten: store.unwritten };
    part.title.replaceChildren(title(data, document, openConfig));
    part.tiles.replaceChildren(tiles(data, document));
    part.warnings.replaceChildren(warnings(state, document) ?? '');
  });
  return part;
}
