/** Selecting rows by mouse and keyboard, as in any list of VS Code. */
import { changeKey } from './keys';
import type { Row } from './rows';
import type { Store } from './store';

export interface TableView {
  /** In the order of the table. */
  rows: readonly Row[];
  /** Rows that are seen at once. */
  page: number;
  reveal: (name: string) => void;
  /** Brings a row into view. */
  scrollTo: (at: number) => void;
}

export function clickRow(store: Store, view: TableView, at: number, event: MouseEvent): void {
  const { rows, reveal } = view;
  const row = rows[at];
  const { selected, active } = store.view;
  const adds = event.ctrlKey || event.metaKey;
  if (event.shiftKey) {
    const anchor = Math.max(0, placeOf(rows, active));
    const range = rows.slice(Math.min(anchor, at), Math.max(anchor, at) + 1).map((r) => r.name);
    store.select(adds ? [...selected, ...range] : range);
  } else if (adds) {
    toggle(store, row);
  } else {
    store.select([row.name], row.index);
    reveal(row.name);
  }
}

/** Whether the key meant something to the table. */
export function tableKey(store: Store, view: TableView, event: KeyboardEvent): boolean {
  const { rows, page, reveal } = view;
  const at = placeOf(rows, store.view.active);
  const moves: Record<string, number> = {
    ArrowUp: at - 1,
    ArrowDown: at + 1,
    PageUp: at - page,
    PageDown: at + page,
    Home: 0,
    End: rows.length - 1,
  };
  if (event.key in moves) moveTo(store, view, moves[event.key], event.shiftKey);
  else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) {
    store.select(rows.map((row) => row.name));
  } else if (event.key === ' ' && at >= 0) {
    toggle(store, rows[at]);
  } else if (event.key === 'Enter' && at >= 0) {
    store.select([rows[at].name], rows[at].index);
    reveal(rows[at].name);
  } else if (event.key === 'Escape') store.select([]);
  else return changeKey(store, event);
  return true;
}

function moveTo(store: Store, { rows, scrollTo }: TableView, to: number, extend: boolean): void {
  const at = Math.min(rows.length - 1, Math.max(0, to));
  const row = rows[at];
  if (!row) return;
  const from = rows[placeOf(rows, store.view.active)] ?? row;
  if (extend) store.select([...store.view.selected, from.name, row.name], row.index);
  else store.activate(row.index);
  scrollTo(at);
}

function toggle(store: Store, { name, index }: Row): void {
  const next = new Set(store.view.selected);
  if (!next.delete(name)) next.add(name);
  store.select(next, index);
}

export function placeOf(rows: readonly Row[], index: number): number {
  return rows.findIndex((row) => row.index === index);
}
