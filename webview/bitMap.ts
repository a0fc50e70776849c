/** The bit map: one column per function in network order, height and colour = bits. (data, document) -> SVG. */
import type { BitWidth } from '../src/core/problem/widths';
import {
  type BitMapData,
  columnSpans,
  floatRoom,
  gapFor,
  highest,
  level,
  MARGIN,
  round,
  type Span,
} from './bitMapLayout';
import { deciderLine, floatBlock, ghosts, marks, stages } from './bitMapMarks';
import { s } from './dom';
import { t } from './l10n';

export function bitMap(data: BitMapData, document: Document): SVGSVGElement {
  const spans = columnSpans(data);
  const top = MARGIN.top;
  const base = data.height - MARGIN.bottom;
  const widths = [...new Set(data.columns.flatMap((c) => (c.bits === null ? [] : [c.bits])))].sort(
    (a, b) => a - b,
  );
  const most = highest(data);
  const y = (at: number): number => base - (at / most) * (base - top);

  const svg = s(document, 'svg', {
    class: 'bit-map',
    width: data.width,
    height: data.height,
    viewBox: `0 0 ${data.width} ${data.height}`,
    role: 'presentation',
    'aria-hidden': 'true',
  });
  svg.append(axis(document, widths, y, data.width - MARGIN.right - floatRoom(data)));
  svg.append(columns(document, data, spans, y, base));
  svg.append(ghosts(document, data, spans, y, base));
  if (data.showDecider) svg.append(deciderLine(document, data, spans, top, base));
  svg.append(numbers(document, data, spans, base));
  svg.append(marks(document, data, spans, y));
  svg.append(stages(document, data, spans, base));
  svg.append(floatBlock(document, data, top, base));
  return svg;
}

function axis(document: Document, widths: BitWidth[], y: (at: number) => number, right: number): SVGElement {
  const group = s(document, 'g', { class: 'axis' });
  for (const bits of widths) {
    const at = Math.round(y(level(bits))) + 0.5;
    group.append(
      s(document, 'line', { x1: MARGIN.left - 4, x2: right, y1: at, y2: at }),
      s(document, 'text', { x: MARGIN.left - 8, y: at, dy: '0.32em', 'text-anchor': 'end' }, bits),
    );
  }
  group.append(
    s(document, 'text', { x: MARGIN.left - 8, y: 10, 'text-anchor': 'end', class: 'axis-title' }, t('bits')),
  );
  return group;
}

function columns(
  document: Document,
  data: BitMapData,
  spans: Span[],
  y: (at: number) => number,
  base: number,
): SVGElement {
  const group = s(document, 'g', { class: 'columns' });
  data.columns.forEach((column, i) => {
    if (column.bits === null) return;
    const { x, width } = spans[i];
    const gap = gapFor(width);
    const top = y(level(column.bits));
    const left = data.columnWidth === 'equal' && gap === 0 ? x : x + gap / 2;
    group.append(
      s(document, 'rect', {
        x: round(left),
        y: round(top),
        // columns without a gap overlap by a hair, or the background shines through between them
        width: round(Math.max(0.6, width - gap + (gap === 0 ? 0.3 : 0))),
        height: round(base - top),
        rx: width > 10 ? 2 : 0,
        'shape-rendering': width < 5 ? 'crispEdges' : null,
        class: `column bits-${column.bits}${data.selected.has(column.name) ? ' selected' : ''}`,
      }),
    );
  });
  return group;
}

/** The width printed in each column where it fits; above that line, or the line would cross it out. */
function numbers(document: Document, data: BitMapData, spans: Span[], base: number): SVGElement {
  const group = s(document, 'g', { class: 'numbers' });
  data.columns.forEach(({ bits }, i) => {
    const { x, width } = spans[i];
    if (bits === null || width < (bits > 9 ? 17 : 11)) return;
    const at = { x: round(x + width / 2), y: round(base - 8), 'text-anchor': 'middle' };
    group.append(s(document, 'text', { ...at, class: `ink-${bits}` }, bits));
  });
  return group;
}
