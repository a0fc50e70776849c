/** The head of the page: title, the few numbers, warnings. */
import type { MeasuredFile } from '../src/config/measured';
import { roundedUp } from '../src/common/sizes';
import { h } from './dom';
import { footnote, title, warnings, type HeaderData } from './header';
import { t } from './l10n';
import { effective } from './objective';
import { quantizedNote } from './quantizedNote';
import type { Store } from './store';
import { tiles } from './tiles';
import { button } from './toolkit';

export interface HeadPart {
  title: HTMLElement;
  tiles: HTMLElement;
  warnings: HTMLElement;
}

export function headPart(
  store: Store,
  document: Document,
  open: { config: () => void; original: () => void },
): HeadPart {
  const part: HeadPart = {
    title: h(document, 'div', { class: 'head-room' }),
    tiles: h(document, 'div', { class: 'tile-room' }),
    warnings: h(document, 'div', { class: 'warning-room' }),
  };
  const use = (entry: MeasuredFile): HTMLElement => {
    const averageBits = roundedUp(entry.averageBits, 2);
    const take = (): void => {
      if (store.plan) store.commit({ ...store.plan, budget: { bytes: entry.bytes } });
    };
    return button(document, { look: 'secondary' }, take, t('Use {0} bits', averageBits));
  };
  store.subscribe((change) => {
    if (!store.state || (change !== 'state' && change !== 'solution')) return;
    const data = headerData(store);
    part.title.replaceChildren(title(data, document, open.config));
    part.tiles.replaceChildren(tiles(data, document), footnote(data, document) ?? '');
    // a warning that comes or goes would move the slider under the pointer
    if (store.preview) return;
    const { quantized } = data.state;
    part.warnings.replaceChildren(
      quantized ? quantizedNote(quantized, document, open.original) : '',
      warnings(data, document, use) ?? '',
    );
  });
  return part;
}

function headerData(store: Store): HeaderData {
  const { state, shown, plan, unwritten, problem } = store;
  return {
    isImproved: store.isImproved,
    state: state!,
    totals: shown.totals,
    solver: shown.solver,
    measured: shown.measured,
    objective: plan && effective(plan, state!.contest).objective,
    problem: problem !== null,
    unwritten,
  };
}
