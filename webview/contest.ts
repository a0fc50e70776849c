/** Allocations of at most the same size side by side, as they measured on the user's own data. (data, document) -> element. */
import { formatBudget } from '../src/config/budget';
import { formatSize, formatAverage } from '../src/common/sizes';
import { distinctEntries } from '../src/config/measured';
import { formatSqnr } from '../src/config/quality';
import type { Contest, ContestEntry } from '../src/config/types';
import { h } from './dom';
import { formatPercent, plural, significant } from './format';
import { t } from './l10n';
import { OBJECTIVE_NAMES } from './settingTexts';
import { colourStrip } from './strip';
import { IMPROVED } from '../src/config/winner';

export interface ContestData {
  contest: Contest;
  /** Name of the candidate that is on show. */
  chosen: string | null;
  /** The budget, the widths, the pins or the limits are others than the contest was held with. */
  isPast: boolean;
}

export interface ContestActions {
  /** Shows another candidate: its very bits, with the budget that it was measured at. */
  adopt: (name: string) => void;
  /** Holds the contest again at what is asked now. */
  measureAgain: () => void;
}

/** A number of a candidate; null: it was not measured. */
interface Column {
  title: string;
  /** Left out of a page as narrow as half a window, or as a side bar. */
  goes?: 'half' | 'narrow';
  text: (entry: ContestEntry) => string | null;
}

const COLUMNS: readonly Column[] = [
  { title: t('Size'), goes: 'narrow', text: ({ bytes }) => formatSize(bytes) },
  { title: t('Average'), goes: 'half', text: ({ averageBits }) => formatAverage(averageBits) },
  { title: 'KL', goes: 'narrow', text: ({ kl }) => (kl === null ? null : significant(kl)) },
  {
    title: t('Same answers'),
    text: ({ agreement }) => (agreement === null ? null : formatPercent(agreement)),
  },
  { title: 'SQNR', text: ({ sqnrDb }) => (sqnrDb === null ? null : formatSqnr(sqnrDb + 0)) },
];

export function contestTable(
  { contest, chosen, isPast }: ContestData,
  document: Document,
  { adopt, measureAgain }: ContestActions,
): HTMLElement {
  const rows = distinctEntries(contest.candidates).sort((a, b) => cost(a.entry) - cost(b.entry));
  // what nobody has measured takes no room
  const columns = COLUMNS.filter(({ text }) => rows.some(({ entry }) => text(entry) !== null));
  const narrow = columns.some(({ title }) => title === t('Same answers')) ? 'SQNR' : '';
  const classOf = ({ title, goes }: Column): string =>
    ['numeric', title === narrow ? 'goes-narrow' : goes && `goes-${goes}`].filter(Boolean).join(' ');
  const head = [
    h(document, 'th', { scope: 'col' }, t('Candidate')),
    h(document, 'th', { scope: 'col', class: 'goes-half' }, t('Bits')),
    ...columns.map((column) => h(document, 'th', { scope: 'col', class: classOf(column) }, column.title)),
    h(document, 'td'),
  ];
  const table = h(
    document,
    'table',
    { class: isPast ? 'contest past' : 'contest' },
    h(document, 'caption', { class: 'hint' }, caption(contest)),
    h(document, 'thead', {}, h(document, 'tr', {}, ...head)),
    h(document, 'tbody', {}, ...rows.map(row)),
  );
  return isPast ? h(document, 'div', {}, past(), table) : table;

  function past(): HTMLElement {
    const budget = contest.asked && formatBudget(contest.asked.budget);
    const text = budget
      ? t('Measured at {0}, which is not what is asked now.', budget)
      : t('Measured with other settings than those asked now.');
    const again = link(t('Measure again'), t('Measure again at what is asked now'), measureAgain);
    return h(document, 'p', { class: 'past-note' }, text, ' ', again);
  }

  function row({ names, entry }: { names: string[]; entry: ContestEntry }): HTMLElement {
    const isChosen = chosen !== null && names.includes(chosen);
    const cells = columns.map((column) =>
      h(document, 'td', { class: classOf(column) }, column.text(entry) ?? '–'),
    );
    const name = [...new Set(names.map((each) => entryName(each, contest)))].join(' = ');
    const note = shortfall(entry, contest);
    return h(
      document,
      'tr',
      { class: isChosen ? 'chosen' : null, 'aria-current': isChosen ? 'true' : null },
      h(document, 'th', { scope: 'row' }, name, note && h(document, 'span', { class: 'hint' }, ` ${note}`)),
      h(document, 'td', { class: 'strip-cell goes-half' }, colourStrip(entry.bits, document)),
      ...cells,
      h(
        document,
        'td',
        {},
        isChosen && !isPast ? t('on show') : link(t('Adopt'), t('Adopt {0}', name), () => adopt(names[0])),
      ),
    );
  }

  function link(text: string, label: string, act: () => void): HTMLElement {
    const made = h(document, 'button', { type: 'button', class: 'link', 'aria-label': label }, text);
    made.addEventListener('click', act);
    return made;
  }
}

/** A candidate in words: "Least noise × orthogonality, β 4", "Uniform, improved by trying". */
function entryName(name: string, { candidates }: Contest): string {
  const entry = candidates.find((each) => each.name === name);
  if (!entry) return name;
  const objective = OBJECTIVE_NAMES[entry.objective];
  const full = entry.beta === undefined ? objective : t('{0}, β {1}', objective, entry.beta);
  return name.endsWith(IMPROVED) ? t('{0}, improved by trying', full) : full;
}

/** Why a row may not be read like the others: it has fewer bytes, or was run on fewer inputs. */
function shortfall(entry: ContestEntry, { candidates }: Contest): string | null {
  if (entry.samples !== undefined) {
    return plural(
      entry.samples,
      t('(given up after {0} input: clearly worse)', entry.samples),
      t('(given up after {0} inputs: clearly worse)', entry.samples),
    );
  }
  if (entry.objective !== 'uniform') return null;
  const most = Math.max(...candidates.map(({ bytes }) => bytes));
  return entry.bytes < 0.98 * most
    ? t('({0} smaller: one width for all)', formatPercent(1 - entry.bytes / most))
    : null;
}

function caption({ samples, heldOut, rounding, stopped }: Contest): string {
  const facts = [
    heldOut
      ? plural(
          samples,
          t('Against the float model on {0} input without label, which rounding has not seen', samples),
          t('Against the float model on {0} inputs without labels, which rounding has not seen', samples),
        )
      : plural(
          samples,
          t('Against the float model on {0} input without label', samples),
          t('Against the float model on {0} inputs without labels', samples),
        ),
    t('rounding: {0}', rounding),
  ];
  if (stopped) facts.push(t('stopped before everything was tried'));
  return facts.join('; ');
}

/** What candidates are ranked by: as the contest does. */
function cost({ kl, sqnrDb, cost: measured }: ContestEntry): number {
  return measured ?? kl ?? (sqnrDb === null ? 0 : 10 ** (-sqnrDb / 10));
}
