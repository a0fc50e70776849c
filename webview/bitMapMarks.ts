/** What is drawn over and under the columns of the bit map: what decided, pins and locks, stages, layers left float. (data, document) -> SVG. */
import {
  type BitMapData,
  level,
  MARGIN,
  floatCount,
  floatRoom,
  FLOAT_STEP,
  round,
  type Span,
  stageRuns,
} from './bitMapLayout';
import { formatSize } from '../src/common/sizes';
import { s } from './dom';
import { glyph } from './glyphs';
import { t } from './l10n';

/** What decided, layer by layer, as a line: largest = full height. */
export function deciderLine(
  document: Document,
  data: BitMapData,
  spans: Span[],
  top: number,
  base: number,
): SVGElement {
  const group = s(document, 'g', { class: 'decider' });
  const points = data.columns.flatMap((column, i) =>
    column.decider === null
      ? []
      : [[round(spans[i].x + spans[i].width / 2), round(base - column.decider * (base - top))] as const],
  );
  if (points.length === 0) return group;
  const d = `M${points.map((p) => p.join(',')).join('L')}`;
  group.append(s(document, 'path', { d, class: 'halo' }), s(document, 'path', { d, class: 'line' }));
  if (spans[0].width >= 9) {
    for (const [cx, cy] of points) group.append(s(document, 'circle', { cx, cy, r: 2.5 }));
  }
  return group;
}

/** Pins and locks above their columns: a glyph where it fits, else a tick. */
export function marks(
  document: Document,
  data: BitMapData,
  spans: Span[],
  y: (at: number) => number,
): SVGElement {
  const group = s(document, 'g', { class: 'marks' });
  data.columns.forEach((column, i) => {
    if (column.fixedBy === null || column.bits === null) return;
    const { x, width } = spans[i];
    const at = y(level(column.bits)) - 3;
    const middle = x + width / 2;
    if (width >= 9) group.append(glyph(document, column.fixedBy, middle, at - 10));
    else
      group.append(
        s(document, 'rect', { x: round(middle - 1), y: round(at - 6), width: 2, height: 6, class: 'tick' }),
      );
  });
  return group;
}

/** Brackets under runs of functions of equal spatial resolution. */
export function stages(document: Document, data: BitMapData, spans: Span[], base: number): SVGElement {
  const group = s(document, 'g', { class: 'stages' });
  for (const { from, to } of stageRuns(data.columns)) {
    const left = spans[from].x + 1.5;
    const right = spans[to].x + spans[to].width - 1.5;
    if (right - left < 2) continue;
    group.append(s(document, 'path', { d: `M${round(left)},${base + 3.5}v3H${round(right)}v-3` }));
    const label = fitting(right - left, [
      [t('stage {0}', data.columns[from].stage), data.columns[from].resolution]
        .filter((part) => part !== '')
        .join(' · '),
      data.columns[from].resolution,
    ]);
    if (label) {
      group.append(
        s(document, 'text', { x: round((left + right) / 2), y: base + 19, 'text-anchor': 'middle' }, label),
      );
    }
  }
  return group;
}

/** The longest of the texts that fits into `room` pixels at the size of the labels. */
function fitting(room: number, texts: string[]): string | undefined {
  return texts.find((text) => text !== '' && text.length * 6 + 4 <= room);
}

/** The bits before the last change: dashed outlines. */
export function ghosts(
  document: Document,
  data: BitMapData,
  spans: Span[],
  y: (at: number) => number,
  base: number,
): SVGElement {
  const group = s(document, 'g', { class: 'ghosts' });
  data.columns.forEach(({ before }, i) => {
    if (before === null) return;
    const { x, width } = spans[i];
    const top = y(level(before));
    const inset = width > 5 ? 1.5 : 0;
    group.append(
      s(document, 'rect', {
        x: round(x + inset),
        y: round(top),
        width: round(Math.max(1, width - 2 * inset)),
        height: round(base - top),
      }),
    );
  });
  return group;
}

/** What stays float: dashed outlines after the last column, so that nobody takes it for quantized. */
export function floatBlock(document: Document, data: BitMapData, top: number, base: number): SVGElement {
  const group = s(document, 'g', { class: 'float' });
  const right = data.width - MARGIN.right;
  const count = floatCount(data);
  const room = floatRoom(data) - 12;
  if (room < 2) return group;
  const outline = (x: number, width: number): SVGElement =>
    s(document, 'rect', { x: round(x), y: top + 0.5, width: round(width), height: base - top - 1, rx: 1 });
  if (count === 0) group.append(outline(right - room, room));
  for (let i = 0; i < count; i++) group.append(outline(right - room + i * FLOAT_STEP + 0.5, FLOAT_STEP - 3));
  const { layers, bytes } = data.float;
  const words =
    count > 4 ? t('{0} float', layers) : count > 0 ? t('float') : t('unchanged, {0}', formatSize(bytes));
  const text = room > 60 || count > 0 ? words : t('unchanged');
  group.append(s(document, 'text', { x: right, y: base + 19, 'text-anchor': 'end' }, text));
  return group;
}
