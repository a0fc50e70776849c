/** The header row of the table; a click sorts by its column. (columns, sorting) -> element. */
import { h } from './dom';
import type { Column, Sorting } from './rows';

export function tableHead(
  columns: readonly Column[],
  sorting: Sorting,
  document: Document,
  sortBy: (by: Sorting['by']) => void,
): HTMLElement {
  const cells = columns.map((column, c) => {
    const isSorted = sorting.by === column.id;
    const cell = h(
      document,
      'div',
      {
        role: 'columnheader',
        class: column.numeric ? 'cell numeric' : 'cell',
        title: column.help ?? null,
        'aria-colindex': c + 1,
        'aria-sort': isSorted ? (sorting.descending ? 'descending' : 'ascending') : 'none',
      },
      h(document, 'span', {}, column.title),
      isSorted &&
        h(document, 'span', { 'aria-hidden': 'true', class: 'sort' }, sorting.descending ? '▼' : '▲'),
    );
    cell.addEventListener('click', () => sortBy(column.id));
    return cell;
  });
  return h(document, 'div', { role: 'row', class: 'row head', 'aria-rowindex': 1 }, ...cells);
}

/** A second click on a column turns its order round; figures begin with the largest. */
export function sortedBy(by: Sorting['by'], now: Sorting): Sorting {
  return { by, descending: now.by === by ? !now.descending : by !== 'index' && by !== 'name' };
}
