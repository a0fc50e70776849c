/** Allocations of at most the same size side by side, as they measured on the user's own data. (data, document) -> element. */
import { formatSize } from '../src/common/sizes';
import type { Contest, ContestEntry } from '../src/config/types';
import { h } from './dom';
import { formatPercent, plural, significant } from './format';
import { t } from './l10n';
import { colourStrip } from './strip';

export interface ContestData {
  contest: Contest;
  /** Name of the candidate that is on show. */
  chosen: string | null;
}

const COLUMNS = [t('Candidate'), t('Bits'), t('Size'), t('Average'), 'KL', t('Agreement'), 'SQNR', ''];

/** @param adopt shows another candidate */
export function contestTable(
  { contest, chosen }: ContestData,
  document: Document,
  adopt: (name: string) => void,
): HTMLElement {
  const rows = [...contest.candidates].sort((a, b) => cost(a) - cost(b));
  const head = COLUMNS.map((title) =>
    title === '' ? h(document, 'td') : h(document, 'th', { scope: 'col' }, title),
  );
  return h(
    document,
    'table',
    { class: 'contest' },
    h(document, 'caption', { class: 'hint' }, caption(contest)),
    h(document, 'thead', {}, h(document, 'tr', {}, ...head)),
    h(document, 'tbody', {}, ...rows.map((entry) => row(entry, entry.name === chosen))),
  );

  function row(entry: ContestEntry, isChosen: boolean): HTMLElement {
    const cells = [
      formatSize(entry.bytes),
      entry.averageBits.toFixed(2),
      entry.kl === null ? '–' : significant(entry.kl),
      entry.agreement === null ? '–' : formatPercent(entry.agreement),
      entry.sqnrDb === null ? '–' : t('{0} dB', (Math.round(entry.sqnrDb * 10) / 10 + 0).toFixed(1)),
    ];
    return h(
      document,
      'tr',
      { class: isChosen ? 'chosen' : null, 'aria-current': isChosen ? 'true' : null },
      h(document, 'th', { scope: 'row' }, entry.name),
      h(document, 'td', { class: 'strip-cell' }, colourStrip(entry.bits, document)),
      ...cells.map((text) => h(document, 'td', { class: 'numeric' }, text)),
      h(document, 'td', {}, isChosen ? t('on show') : adoptButton(entry.name)),
    );
  }

  function adoptButton(name: string): HTMLElement {
    const made = h(
      document,
      'button',
      { type: 'button', class: 'link', 'aria-label': t('Adopt {0}', name) },
      t('Adopt'),
    );
    made.addEventListener('click', () => adopt(name));
    return made;
  }
}

function caption({ samples, heldOut, rounding, stopped }: Contest): string {
  const inputs = `${plural(samples, t('{0} input', samples), t('{0} inputs', samples))}${heldOut ? t(' that rounding has not seen') : ''}`;
  return t(
    'against the float model, without labels, on {0}; rounding: {1}{2}',
    inputs,
    rounding,
    stopped ? t('; stopped before everything was tried') : '',
  );
}

/** What candidates are ranked by. */
function cost({ kl, sqnrDb, cost: measured }: ContestEntry): number {
  return measured ?? kl ?? (sqnrDb === null ? Infinity : 10 ** (-sqnrDb / 10));
}
