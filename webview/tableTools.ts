/** What can be done with the rows that are selected, and how many there are. (data) -> elements. */
import type { BitWidth } from '../src/core/problem/widths';
import { h } from './dom';
import { plural } from './format';
import { t } from './l10n';
import { button, dropdown } from './toolkit';

const WIDTHS: BitWidth[] = [2, 3, 4, 5, 6, 7, 8, 16, 32];

export interface TableToolsData {
  /** Rows that the filter leaves. */
  shown: number;
  selected: number;
  /** Of the selected ones; null where nothing can be changed yet. */
  locked: number | null;
}

export interface TableActions {
  /** At a width, or (null) at the bits that they have. */
  lock: (bits: BitWidth | null) => void;
  unlock: () => void;
}

export function tableTools(
  { shown, selected, locked }: TableToolsData,
  document: Document,
  { lock, unlock }: TableActions,
): HTMLElement[] {
  const text =
    selected > 0 ? t('{0} selected', selected) : plural(shown, t('{0} layer', shown), t('{0} layers', shown));
  const made: HTMLElement[] = [h(document, 'span', { class: 'hint', role: 'status' }, text)];
  if (selected === 0 || locked === null) return made;
  const widths = WIDTHS.map((w) => ({ value: String(w), text: t('{0} bits', w) }));
  made.push(
    dropdown(
      document,
      t('Set bits of the selection'),
      [{ value: '', text: t('Set bits…') }, ...widths],
      '',
      (value) => value !== '' && lock(Number(value) as BitWidth),
    ),
  );
  if (locked < selected) made.push(button(document, { look: 'secondary' }, () => lock(null), t('Lock')));
  if (locked > 0) made.push(button(document, { look: 'secondary' }, unlock, t('Unlock')));
  return made;
}
