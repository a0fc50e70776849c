/** One row of the table. (row, columns) -> element. */
import { cutName } from './cutName';
import { h } from './dom';
import { FIXED_WORDS, icon } from './glyphs';
import type { Column, Row } from './rows';

export const ROW_HEIGHT = 26;

export interface TableRowData {
  row: Row;
  columns: readonly Column[];
  /** Place among the rows that the filter leaves, 0-based. */
  at: number;
  isSelected: boolean;
  isActive: boolean;
}

export function tableRow(
  { row, columns, at, isSelected, isActive }: TableRowData,
  document: Document,
): HTMLElement {
  const cells = columns.map((column, c) =>
    h(
      document,
      'div',
      {
        role: 'gridcell',
        class: `cell ${column.numeric ? 'numeric ' : ''}${column.id}`,
        'aria-colindex': c + 1,
        // a name in two pieces would be read with a gap
        'aria-label': column.id === 'name' ? row.name : null,
      },
      ...contentOf(row, column, document),
    ),
  );
  const made = h(
    document,
    'div',
    {
      role: 'row',
      id: rowId(row),
      class: `row${isSelected ? ' selected' : ''}${isActive ? ' active' : ''}`,
      'aria-rowindex': at + 2,
      'aria-selected': String(isSelected),
    },
    ...cells,
  );
  made.style.top = `${at * ROW_HEIGHT}px`;
  return made;
}

function contentOf(row: Row, column: Column, document: Document): (Node | string)[] {
  if (column.id === 'name') return [cutName(row.name, document)];
  return column.id === 'bits' && row.bits !== null ? bitsOf(row, document) : [column.text(row)];
}

function bitsOf({ bits, fixedBy }: Row, document: Document): (Node | string)[] {
  return [
    h(document, 'span', { class: `swatch bits-${bits}` }),
    String(bits),
    fixedBy ? icon(document, fixedBy) : h(document, 'span', { class: 'icon' }),
    fixedBy ? h(document, 'span', { class: 'sr-only' }, FIXED_WORDS[fixedBy]) : '',
  ];
}

export function rowId({ index }: Row): string {
  return `ompq-row-${index}`;
}
