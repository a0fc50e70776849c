/** Where everything of the bit map stands, in pixels. Pure. */
import type { BitWidth } from '../src/core/problem/widths';
import type { FixedBy } from '../src/core/problem/problem';

export interface BitMapColumn {
  name: string;
  /** null: not allocated yet. */
  bits: BitWidth | null;
  /** What it had before the last change, where that was something else. */
  before: BitWidth | null;
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
  /** What stays as it is: layers that stay float, and the bytes of the file that no choice changes. */
  float: { layers: number; bytes: number };
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

export const MARGIN = { top: 22, right: 14, bottom: 24, left: 30 };
/** Pixels from one outline of a float layer to the next. */
export const FLOAT_STEP = 9;
const MOST_FLOAT_DRAWN = 12;
/** Of the width, at equal columns. */
const MOST_FLOAT_ROOM = 0.12;

/** Height of a width on the axis: linear to 8, then one step each for float16 and float32. */
export function level(bits: BitWidth): number {
  return bits === 16 ? 9.5 : bits === 32 ? 11 : bits;
}

/** Where each column stands, in pixels from the left of the picture. */
export function columnSpans(data: BitMapData): Span[] {
  const room = roomOf(data) - floatRoom(data);
  const count = data.columns.length;
  if (count === 0) return [];
  let widths: number[];
  if (data.columnWidth === 'equal') {
    widths = data.columns.map(() => Math.min(96, room / count));
  } else {
    // a sliver stays visible and clickable; the rest shares what is left
    const least = Math.min(4, room / count / 3);
    const total = floatBytesOf(data) || 1;
    widths = data.columns.map((c) => least + ((room - least * count) * c.floatBytes) / total);
  }
  let x = MARGIN.left;
  return widths.map((width) => {
    const span = { x, width };
    x += width;
    return span;
  });
}

const roomOf = ({ width }: BitMapData): number => Math.max(0, width - MARGIN.left - MARGIN.right);

const floatBytesOf = ({ columns }: BitMapData): number => columns.reduce((sum, c) => sum + c.floatBytes, 0);

/** The highest width on the axis. */
export function highest({ columns }: BitMapData): number {
  return Math.max(
    8,
    ...columns.flatMap(({ bits, before }) => [bits, before].flatMap((b) => (b ? [level(b)] : []))),
  );
}

/** Outlines of float layers that are drawn at equal columns. */
export function floatCount(data: BitMapData): number {
  const most = Math.min(MOST_FLOAT_DRAWN, Math.floor((roomOf(data) * MOST_FLOAT_ROOM) / FLOAT_STEP));
  return data.columnWidth === 'equal' ? Math.min(data.float.layers, Math.max(1, most)) : 0;
}

/** Pixels for what stays float. At columns by size its area is its bytes, as the area of every column is. */
export function floatRoom(data: BitMapData): number {
  if (data.columnWidth === 'equal') {
    const count = floatCount(data);
    return count === 0 ? 0 : count * FLOAT_STEP + 12;
  }
  const { bytes } = data.float;
  if (bytes === 0) return 0;
  // as high as the picture: 32 bits of its elements on a height of `highest` bits
  const own = (bytes * 32) / highest(data);
  return Math.min(0.6, own / (own + floatBytesOf(data) || 1)) * roomOf(data);
}

/** Index of the column at x, or -1. */
export function columnAt(spans: readonly Span[], x: number): number {
  return spans.findIndex((span) => x >= span.x && x < span.x + span.width);
}

/** Pixels between columns; none where they are so narrow that the gaps would outshine them. */
export function gapFor(width: number): number {
  return width > 12 ? 2 : width > 5 ? 1 : 0;
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

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
