/** The table of layers: a grid of which only the visible rows exist, so that a thousand layers scroll smoothly. */
import { h } from './dom';
import { t } from './l10n';
import type { Part } from './part';
import { COLUMNS, filtered, rowsOf, sorted, type Column, type Row, type Sorting } from './rows';
import type { Store } from './store';
import { sortedBy, tableHead } from './tableHead';
import { clickRow, placeOf, tableKey, type TableView } from './tableKeys';
import { ROW_HEIGHT, rowId, tableRow } from './tableRow';
import { tableTools } from './tableTools';
import { textField } from './toolkit';

/** Rows drawn above and below what is seen. */
const SPARE = 6;

export function tablePart(store: Store, document: Document, reveal: (name: string) => void): Part {
  const { element, head, body, grid, tools } = frame(document, filterBy);
  let sorting: Sorting = { by: 'index', descending: false };
  let filter = '';
  let rows: Row[] = [];
  let columns: readonly Column[] = COLUMNS;
  let drawn = { from: -1, to: -1 };

  const view = (): TableView => ({
    rows,
    page: Math.max(1, Math.floor(grid.clientHeight / ROW_HEIGHT) - 2),
    reveal,
    scrollTo,
  });

  function filterBy(text: string): void {
    if (text === filter) return;
    filter = text;
    grid.scrollTop = 0;
    refresh();
  }

  function sortBy(by: Sorting['by']): void {
    sorting = sortedBy(by, sorting);
    refresh();
  }

  /** All rows anew: after a change of the data, the filter or the order. */
  function refresh(): void {
    const all = rowsOf(store);
    rows = sorted(filtered(all, filter), sorting);
    // what nothing is known of yet takes no room
    const width = grid.clientWidth || Infinity;
    columns = COLUMNS.filter(({ id, from = 0 }) => width >= from && all.some((row) => row[id] !== null));
    grid.style.setProperty('--ompq-tracks', columns.map((column) => column.track).join(' '));
    grid.setAttribute('aria-colcount', String(columns.length));
    body.style.height = `${rows.length * ROW_HEIGHT}px`;
    grid.setAttribute('aria-rowcount', String(rows.length + 1));
    head.replaceChildren(tableHead(columns, sorting, document, sortBy));
    drawTools();
    drawRows(true);
  }

  function drawRows(force: boolean): void {
    const from = Math.max(0, Math.floor(grid.scrollTop / ROW_HEIGHT) - SPARE);
    const seen = Math.ceil((grid.clientHeight || 400) / ROW_HEIGHT);
    const to = Math.min(rows.length, from + seen + 2 * SPARE);
    if (!force && from === drawn.from && to === drawn.to) return;
    drawn = { from, to };
    body.replaceChildren(...rows.slice(from, to).map((row, i) => drawRow(row, from + i)));
    const active = placeOf(rows, store.view.active);
    if (active >= from && active < to) grid.setAttribute('aria-activedescendant', rowId(rows[active]));
    else grid.removeAttribute('aria-activedescendant');
  }

  function drawRow(row: Row, at: number): HTMLElement {
    const { selected, active } = store.view;
    const [isSelected, isActive] = [selected.has(row.name), row.index === active];
    const made = tableRow({ row, columns, at, isSelected, isActive }, document);
    made.addEventListener('click', (event) => clickRow(store, view(), at, event));
    return made;
  }

  function scrollTo(at: number): void {
    const top = at * ROW_HEIGHT;
    const room = grid.clientHeight - 2 * ROW_HEIGHT;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top > grid.scrollTop + room) grid.scrollTop = top - room;
    drawRows(true);
  }

  function drawTools(): void {
    const { plan, state, view } = store;
    const names = [...view.selected];
    const locked = plan && state ? names.filter((name) => Object.hasOwn(plan.locks, name)).length : null;
    const made = tableTools({ shown: rows.length, selected: names.length, locked }, document, {
      lock: (bits) => store.lock(names, bits),
      unlock: () => store.unlock(names),
    });
    tools.replaceChildren(...made);
  }

  grid.addEventListener('keydown', (event) => {
    if (tableKey(store, view(), event)) event.preventDefault();
  });
  grid.addEventListener('scroll', () => drawRows(false), { passive: true });
  grid.addEventListener('focus', () => {
    if (store.view.active < 0 && rows.length > 0) store.activate(rows[0].index);
  });
  store.subscribe((change) => {
    if (change === 'frontier' || change === 'view') return;
    if (change === 'active') return drawRows(true);
    if (change !== 'selection') return refresh();
    const at = placeOf(rows, store.view.active);
    if (at >= 0 && !grid.contains(document.activeElement)) scrollTo(at);
    drawTools();
    drawRows(true);
  });
  let width = 0;
  new ResizeObserver(() => {
    if (grid.clientWidth === width) return drawRows(true);
    width = grid.clientWidth;
    refresh();
  }).observe(grid);
  return { element };
}

function frame(document: Document, filterBy: (text: string) => void) {
  const filterField = textField(
    document,
    { label: t('Filter layers'), value: '', placeholder: t('Filter: name, Conv, 4bit, locked, stage2') },
    filterBy,
    filterBy,
  );
  const tools = h(document, 'div', { class: 'tools' });
  const head = h(document, 'div', { role: 'rowgroup', class: 'grid-head' });
  const body = h(document, 'div', { role: 'rowgroup', class: 'grid-body' });
  const grid = h(
    document,
    'div',
    { role: 'grid', class: 'grid', tabindex: 0, 'aria-label': t('Layers'), 'aria-multiselectable': 'true' },
    h(document, 'div', { class: 'grid-view' }, head, body),
  );
  const title = h(document, 'h2', { id: 'ompq-table-title' }, t('Layers'));
  const element = h(
    document,
    'section',
    { class: 'card table', 'aria-labelledby': 'ompq-table-title' },
    h(document, 'div', { class: 'card-head' }, title, filterField, tools),
    grid,
  );
  return { element, head, body, grid, tools };
}
