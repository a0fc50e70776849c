/** One line on what the last change changed, and the layers that it changed. */
import { formatSize, formatAverage } from '../src/common/sizes';
import { type BitChange, changesOf } from './changes';
import { h } from './dom';
import { plural } from './format';
import { t } from './l10n';
import { cutName } from './cutName';
import type { Part } from './part';
import { headline } from './quality';
import type { Shown } from './shown';
import type { Store } from './store';

export function changesPart(store: Store, document: Document): Part {
  const summary = h(document, 'summary', {});
  const list = h(document, 'ol', { class: 'change-list' });
  const element = h(document, 'details', { class: 'changes', hidden: true }, summary, list);

  function draw(): void {
    const { state, before, shown } = store;
    element.hidden = !store.plan;
    if (!state || !store.plan) return;
    const changes = changesOf(state, before, shown);
    summary.textContent =
      before && changes.length > 0 ? summaryOf(changes, before, shown) : t('No bits have changed here yet.');
    element.classList.toggle('empty', changes.length === 0);
    list.replaceChildren(...changes.map((each) => row(each)));
  }

  function row({ index, name, from, to, bytes }: BitChange): HTMLElement {
    const link = h(
      document,
      'button',
      { type: 'button', class: 'link', 'aria-label': name },
      cutName(name, document),
    );
    link.addEventListener('click', () => store.select([name], index));
    const size = bytes < 0 ? `−${formatSize(-bytes)}` : `+${formatSize(bytes)}`;
    return h(
      document,
      'li',
      {},
      link,
      h(document, 'span', { class: `swatch bits-${from}` }),
      h(document, 'span', {}, t('{0} → {1} bits', from, to)),
      h(document, 'span', { class: `swatch bits-${to}` }),
      h(document, 'span', { class: 'hint' }, size),
    );
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}

function summaryOf(changes: BitChange[], before: Shown, shown: Shown): string {
  const count = changes.length;
  const layers = plural(count, t('Last change: {0} layer', count), t('Last change: {0} layers', count));
  const parts = [layers];
  if (before.totals && shown.totals) {
    parts.push(
      t('{0} → {1}', formatSize(before.totals.sizeBytes), formatSize(shown.totals.sizeBytes)),
      t('{0} → {1} bits on average', bitsOf(before), bitsOf(shown)),
    );
  }
  parts.push(t('quality: {0} → {1}', qualityOf(before), qualityOf(shown)));
  return [...parts, t('dashed: before')].join(' · ');
}

const bitsOf = ({ totals }: Shown): string => formatAverage(totals?.averageBits ?? 0);

function qualityOf({ measured }: Shown): string {
  return measured ? headline(measured) : t('not measured');
}
