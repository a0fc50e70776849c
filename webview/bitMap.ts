/** The bit map: one column per function in network order, height and colour = bits. (data, document) -> SVG. */
import type { BitWidth } from '../src/core/problem/widths';
import type { FixedBy } from '../src/core/problem/problem';
import { s } from './dom';
import { glyph } from './glyphs';
import { t } from './l10n';

export interface BitMapColumn {
  name: string;
  /** null: not allocated yet. */
  bits: BitWidth | null;
  /** Bytes of the function in float: what column widths may be proportional to. */
  floatBytes: number;
  /** Height of the line of what decided, 0..1; null where nothing did. */
  decider: number | null;
  fixedBy: FixedBy | null;
  stage: number;
  /** For the stage lane, e.g. "56 × 56". */
  resolution: string;
}

export interface BitMapData {
  columns: BitMapColumn[];
  /** Layers that stay float, named beside the map. */
  skipped: { name: string; op: string; reason: string }[];
  columnWidth: 'equal' | 'size';
  showDecider: boolean;
  /** Pixels. */
  width: number;
  height: number;
  /** Names of selected functions. */
  selected: ReadonlySet<string>;
}

export interface Span {
  x: number;
  width: number;
}

const MARGIN = { top: 22, right: 14, bottom: 24, left: 30 };
const MOST_SKIPPED_DRAWN = 12;

/** Height of a width on the axis: linear to 8, then one step each for float16 and float32. */
export function level(bits: BitWidth): number {
  return bits === 16 ? 9.5 : bits === 32 ? 11 : bits;
}

/** Where each column stands, in pixels from the left of the picture. */
export function columnSpans(data: BitMapData): Span[] {
  const room = Math.max(0, data.width - MARGIN.left - MARGIN.right - skippedRoom(data));
  const count = data.columns.length;
  if (count === 0) return [];
  let widths: number[];
  if (data.columnWidth === 'equal') {
    widths = data.columns.map(() => Math.min(96, room / count));
  } else {
    // a sliver stays visible and clickable; the rest shares what is left
    const least = Math.min(4, room / count / 3);
    const total = data.columns.reduce((sum, c) => sum + c.floatBytes, 0) || 1;
    widths = data.columns.map((c) => least + ((room - least * count) * c.floatBytes) / total);
  }
  let x = MARGIN.left;
  return widths.map((width) => {
    const span = { x, width };
    x += width;
    return span;
  });
}

function skippedRoom(data: BitMapData): number {
  return data.skipped.length === 0 ? 0 : Math.min(data.skipped.length, MOST_SKIPPED_DRAWN) * 9 + 30;
}

/** Index of the column at x, or -1. */
export function columnAt(spans: readonly Span[], x: number): number {
  return spans.findIndex((span) => x >= span.x && x < span.x + span.width);
}

export function bitMap(data: BitMapData, document: Document): SVGSVGElement {
  const spans = columnSpans(data);
  const top = MARGIN.top;
  const base = data.height - MARGIN.bottom;
  const widths = [...new Set(data.columns.flatMap((c) => (c.bits === null ? [] : [c.bits])))].sort(
    (a, b) => a - b,
  );
  const highest = Math.max(8, ...widths.map(level));
  const y = (at: number): number => base - (at / highest) * (base - top);

  const svg = s(document, 'svg', {
    class: 'bit-map',
    width: data.width,
    height: data.height,
    viewBox: `0 0 ${data.width} ${data.height}`,
    role: 'presentation',
    'aria-hidden': 'true',
  });
  svg.append(axis(document, widths, y, data.width - MARGIN.right - skippedRoom(data)));
  svg.append(columns(document, data, spans, y, base));
  if (data.showDecider) svg.append(deciderLine(document, data, spans, top, base));
  svg.append(numbers(document, data, spans, base));
  svg.append(marks(document, data, spans, y));
  svg.append(stages(document, data, spans, base));
  if (data.skipped.length > 0) svg.append(skippedBlock(document, data, top, base));
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

/** Pixels between columns; none where they are so narrow that the gaps would outshine them. */
export function gapFor(width: number): number {
  return width > 12 ? 2 : width > 5 ? 1 : 0;
}

/** What decided, layer by layer, as a line: largest = full height. */
function deciderLine(
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
function marks(document: Document, data: BitMapData, spans: Span[], y: (at: number) => number): SVGElement {
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
function stages(document: Document, data: BitMapData, spans: Span[], base: number): SVGElement {
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

export interface Run {
  from: number;
  to: number;
}

export function stageRuns(columns: readonly { stage: number }[]): Run[] {
  const runs: Run[] = [];
  columns.forEach((column, i) => {
    const last = runs.at(-1);
    if (last && columns[last.from].stage === column.stage) last.to = i;
    else runs.push({ from: i, to: i });
  });
  return runs;
}

/** Layers that stay float: dashed outlines after the last column, so that nobody takes them for quantized. */
function skippedBlock(document: Document, data: BitMapData, top: number, base: number): SVGElement {
  const group = s(document, 'g', { class: 'skipped' });
  const drawn = Math.min(data.skipped.length, MOST_SKIPPED_DRAWN);
  const left = data.width - MARGIN.right - drawn * 9;
  for (let i = 0; i < drawn; i++) {
    group.append(
      s(document, 'rect', { x: left + i * 9 + 0.5, y: top + 0.5, width: 6, height: base - top - 1, rx: 1 }),
    );
  }
  group.append(
    s(
      document,
      'text',
      { x: data.width - MARGIN.right, y: base + 19, 'text-anchor': 'end' },
      drawn > 4 ? t('{0} float', data.skipped.length) : t('float'),
    ),
  );
  return group;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
