/** What the file keeps as it is: stored tensors by operator with their bytes, and the layers that stay float with the reason. */
import { formatSize } from '../src/common/sizes';
import { cutName } from './cutName';
import { h } from './dom';
import { formatPercent, plural } from './format';
import { t } from './l10n';
import type { Part } from './part';
import type { PanelState, SkippedLayer, Staying } from './protocol';
import type { Store } from './store';

export function stayingPart(store: Store, document: Document): Part {
  const element = h(document, 'details', { class: 'card staying' });
  store.subscribe((change) => {
    const { state } = store;
    if (change !== 'state' || !state) return;
    element.hidden = state.staying.length === 0 && state.skipped.length === 0;
    element.replaceChildren(...stayingList(state, document));
  });
  return { element };
}

function stayingList(
  { staying, skipped, model }: Pick<PanelState, 'staying' | 'skipped' | 'model'>,
  document: Document,
): HTMLElement[] {
  const bytes = staying.reduce((sum, each) => sum + each.bytes, 0);
  const title = h(document, 'h2', {}, t('What stays as it is'));
  const share = t('{0}, {1} of the float file', formatSize(bytes), formatPercent(bytes / model.bytes));
  const made = [
    h(document, 'summary', {}, title, h(document, 'span', { class: 'hint' }, share)),
    stayingTable(staying, document),
  ];
  if (skipped.length === 0) return made;
  const count = skipped.length;
  const heading = plural(count, t('{0} layer stays float', count), t('{0} layers stay float', count));
  return [
    ...made,
    h(document, 'h3', {}, heading),
    h(document, 'ul', { class: 'skipped-list' }, ...skipped.map((each) => skippedRow(each, document))),
  ];
}

function stayingTable(staying: readonly Staying[], document: Document): HTMLElement {
  const titles = [t('Read by'), t('Size'), t('Largest')].map((text) =>
    h(document, 'th', { scope: 'col' }, text),
  );
  const rows = staying.map(({ op, bytes, largest }) => {
    const names = largest.map((each) => `${each.name} (${formatSize(each.bytes)})`).join(', ');
    return h(
      document,
      'tr',
      {},
      h(document, 'th', { scope: 'row' }, op === '' ? t('other') : op),
      h(document, 'td', { class: 'numeric' }, formatSize(bytes)),
      h(document, 'td', { class: 'hint largest', title: names }, names),
    );
  });
  return h(
    document,
    'table',
    { class: 'staying-table' },
    h(document, 'thead', {}, h(document, 'tr', {}, ...titles)),
    h(document, 'tbody', {}, ...rows),
  );
}

function skippedRow({ name, op, reason }: SkippedLayer, document: Document): HTMLElement {
  return h(
    document,
    'li',
    {},
    cutName(name, document),
    h(document, 'span', { class: 'hint' }, `${op}: ${reason}`),
  );
}
