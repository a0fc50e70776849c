/** The table of functions: a grid of which only the visible rows exist, so that a thousand functions scroll smoothly. */
import type { BitWidth } from '../src/core/widths';
import { h } from './dom';
import { plural } from './format';
import { FIXED_WORDS, icon } from './glyphs';
import { changeKey, type Part } from './mapPart';
import { COLUMNS, filtered, rowsOf, sorted, type Column, type Row, type Sorting } from './rows';
import type { Store } from './store';
import { button, dropdown, textField } from './toolkit';
import { t } from './l10n';

const ROW_HEIGHT = 26;
/** Rows drawn above and below what is seen. */
const SPARE = 6;

export function tablePart(store: Store, document: Document, reveal: (name: string) => void): Part {
  const tools = h(document, 'div', { class: 'tools' });
  const filterField = textField(
    document,
    { label: t('Filter functions'), value: '', placeholder: t('Filter: name, Conv, 4bit, locked, stage2') },
    filterBy,
    filterBy,
  );
  const head = h(document, 'div', { role: 'rowgroup', class: 'grid-head' });
  const body = h(document, 'div', { role: 'rowgroup', class: 'grid-body' });
  const view = h(document, 'div', { class: 'grid-view' }, head, body);
  const grid = h(
    document,
    'div',
    {
      role: 'grid',
      class: 'grid',
      tabindex: 0,
      'aria-label': t('Functions'),
      'aria-multiselectable': 'true',
    },
    view,
  );
  const element = h(
    document,
    'section',
    { class: 'card table', 'aria-labelledby': 'ompq-table-title' },
    h(
      document,
      'div',
      { class: 'card-head' },
      h(document, 'h2', { id: 'ompq-table-title' }, t('Functions')),
      filterField,
      tools,
    ),
    grid,
  );
  let sorting: Sorting = { by: 'index', descending: false };
  let filter = '';
  let rows: Row[] = [];
  let columns: readonly Column[] = COLUMNS;
  let drawnFrom = -1;
  let drawnTo = -1;

  function filterBy(text: string): void {
    if (text === filter) return;
    filter = text;
    grid.scrollTop = 0;
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
    drawHead();
    drawTools();
    drawRows(true);
  }

  function drawHead(): void {
    const cells = columns.map((column, c) => {
      const on = sorting.by === column.id;
      const cell = h(
        document,
        'div',
        {
          role: 'columnheader',
          class: column.numeric ? 'cell numeric' : 'cell',
          'aria-colindex': c + 1,
          'aria-sort': on ? (sorting.descending ? 'descending' : 'ascending') : 'none',
        },
        h(document, 'span', {}, column.title),
        on
          ? h(document, 'span', { 'aria-hidden': 'true', class: 'sort' }, sorting.descending ? '▼' : '▲')
          : null,
      );
      cell.addEventListener('click', () => sortBy(column.id));
      return cell;
    });
    head.replaceChildren(
      h(document, 'div', { role: 'row', class: 'row head', 'aria-rowindex': 1 }, ...cells),
    );
  }

  function sortBy(by: Sorting['by']): void {
    sorting = { by, descending: sorting.by === by ? !sorting.descending : by !== 'index' && by !== 'name' };
    refresh();
  }

  function drawRows(force: boolean): void {
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW_HEIGHT) - SPARE);
    const seen = Math.ceil((grid.clientHeight || 400) / ROW_HEIGHT);
    const last = Math.min(rows.length, first + seen + 2 * SPARE);
    if (!force && first === drawnFrom && last === drawnTo) return;
    drawnFrom = first;
    drawnTo = last;
    body.replaceChildren(...rows.slice(first, last).map((row, i) => drawRow(row, first + i)));
    const active = rows.findIndex((row) => row.index === store.view.active);
    if (active >= first && active < last) grid.setAttribute('aria-activedescendant', rowId(rows[active]));
    else grid.removeAttribute('aria-activedescendant');
  }

  function drawRow(row: Row, at: number): HTMLElement {
    const { selected, active } = store.view;
    const chosen = selected.has(row.name);
    const cells = columns.map((column, c) => {
      const classes = [column.numeric ? 'cell numeric' : 'cell', column.id];
      const content: (Node | string)[] = [column.text(row)];
      if (column.id === 'bits' && row.bits !== null) {
        content.unshift(h(document, 'span', { class: `swatch bits-${row.bits}` }));
        content.push(
          row.fixedBy ? icon(document, row.fixedBy) : h(document, 'span', { class: 'icon' }),
          row.fixedBy ? h(document, 'span', { class: 'sr-only' }, FIXED_WORDS[row.fixedBy]) : '',
        );
      }
      return h(
        document,
        'div',
        {
          role: 'gridcell',
          class: classes.join(' '),
          'aria-colindex': c + 1,
          title: column.id === 'name' ? row.name : null,
        },
        ...content,
      );
    });
    const made = h(
      document,
      'div',
      {
        role: 'row',
        id: rowId(row),
        class: `row${chosen ? ' selected' : ''}${row.index === active ? ' active' : ''}`,
        'aria-rowindex': at + 2,
        'aria-selected': String(chosen),
      },
      ...cells,
    );
    made.style.top = `${at * ROW_HEIGHT}px`;
    made.addEventListener('click', (event) => click(at, event));
    return made;
  }

  function rowId(row: Row): string {
    return `ompq-row-${row.index}`;
  }

  function click(at: number, event: MouseEvent): void {
    const row = rows[at];
    const { selected, active } = store.view;
    if (event.shiftKey) {
      const anchor = Math.max(
        0,
        rows.findIndex((r) => r.index === active),
      );
      const range = rows.slice(Math.min(anchor, at), Math.max(anchor, at) + 1).map((r) => r.name);
      store.select(event.ctrlKey || event.metaKey ? [...selected, ...range] : range);
    } else if (event.ctrlKey || event.metaKey) {
      const next = new Set(selected);
      if (!next.delete(row.name)) next.add(row.name);
      store.select(next, row.index);
    } else {
      store.select([row.name], row.index);
      reveal(row.name);
    }
  }

  function moveTo(at: number, extend: boolean): void {
    const row = rows[Math.min(rows.length - 1, Math.max(0, at))];
    if (!row) return;
    const from = rows.find((r) => r.index === store.view.active) ?? row;
    if (extend) store.select([...store.view.selected, from.name, row.name], row.index);
    else store.activate(row.index);
    scrollTo(rows.indexOf(row));
    drawRows(true);
  }

  function scrollTo(at: number): void {
    const top = at * ROW_HEIGHT;
    const room = grid.clientHeight - 2 * ROW_HEIGHT;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top > grid.scrollTop + room) grid.scrollTop = top - room;
  }

  grid.addEventListener('keydown', (event) => {
    const at = rows.findIndex((row) => row.index === store.view.active);
    const page = Math.max(1, Math.floor(grid.clientHeight / ROW_HEIGHT) - 2);
    const moves: Record<string, number> = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: rows.length - 1,
    };
    if (event.key in moves) moveTo(moves[event.key], event.shiftKey);
    else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) {
      store.select(rows.map((row) => row.name));
    } else if (event.key === ' ' && at >= 0) {
      const next = new Set(store.view.selected);
      if (!next.delete(rows[at].name)) next.add(rows[at].name);
      store.select(next, rows[at].index);
    } else if (event.key === 'Enter' && at >= 0) {
      store.select([rows[at].name], rows[at].index);
      reveal(rows[at].name);
    } else if (event.key === 'Escape') store.select([]);
    else if (!changeKey(store, event)) return;
    event.preventDefault();
  });
  grid.addEventListener('scroll', () => drawRows(false), { passive: true });
  grid.addEventListener('focus', () => {
    if (store.view.active < 0 && rows.length > 0) store.activate(rows[0].index);
  });

  function drawTools(): void {
    const names = [...store.view.selected];
    const { plan, state } = store;
    const count = h(
      document,
      'span',
      { class: 'hint', role: 'status' },
      names.length > 0
        ? t('{0} selected', names.length)
        : plural(rows.length, t('{0} function', rows.length), t('{0} functions', rows.length)),
    );
    if (!plan || !state || names.length === 0) {
      tools.replaceChildren(count);
      return;
    }
    const locked = names.filter((name) => Object.hasOwn(plan.locks, name)).length;
    const widths = [2, 3, 4, 5, 6, 7, 8, 16, 32].map((w) => ({ value: String(w), text: t('{0} bits', w) }));
    const setBits = dropdown(
      document,
      t('Set bits of the selection'),
      [{ value: '', text: t('Set bits…') }, ...widths],
      '',
      (value) => value !== '' && store.lock(names, Number(value) as BitWidth),
    );
    tools.replaceChildren(
      count,
      setBits,
      locked < names.length
        ? button(document, { look: 'secondary' }, () => store.lock(names, null), t('Lock'))
        : '',
      locked > 0 ? button(document, { look: 'secondary' }, () => store.unlock(names), t('Unlock')) : '',
    );
  }

  store.subscribe((change) => {
    if (change === 'frontier' || change === 'view') return;
    if (change === 'active') {
      drawRows(true);
      return;
    }
    if (change === 'selection') {
      const at = rows.findIndex((row) => row.index === store.view.active);
      if (at >= 0 && !grid.contains(document.activeElement)) scrollTo(at);
      drawTools();
      drawRows(true);
      return;
    }
    refresh();
  });
  let width = 0;
  new ResizeObserver(() => {
    if (grid.clientWidth === width) return drawRows(true);
    width = grid.clientWidth;
    refresh();
  }).observe(grid);
  return { element };
}
