/** The orthogonality matrix as a heat map on a canvas. (data, document) -> canvas. */
import { type Run } from './bitMapLayout';
import { heatColour, type Theme } from './palette';

export interface OrmMatrixData {
  /** count x count, row-major, 0..1. */
  orm: Float64Array;
  count: number;
  scale: OrmScale;
  /** Runs of functions of one stage, for labels and separating lines. */
  stages: (Run & { label: string })[];
  theme: Theme;
  /** Colours of labels and lines and of what is behind them, as the canvas cannot read style sheets. */
  ink: string;
  paper: string;
  font: string;
  /** Edge of the picture in CSS pixels, labels included. */
  size: number;
  pixelRatio: number;
  /** Row and column to mark. */
  selected: readonly number[];
  cursor: readonly [number, number] | null;
}

/** Pixels kept for stage labels on the left and below. */
export const ORM_GUTTER = 22;

/** Colour = ((orm - low) / (1 - low)) ^ power: ORM crowds near 1, so the scale gives that end more of the colours. */
export interface OrmScale {
  low: number;
  power: number;
}

/** A scale that puts the median of the off-diagonal ORM in the middle of the colours. */
export function ormScale(orm: Float64Array, count: number): OrmScale {
  const values: number[] = [];
  const stride = Math.max(1, Math.floor(count / 200));
  for (let i = 0; i < count; i += stride) {
    for (let j = 0; j < i; j++) values.push(orm[i * count + j]);
  }
  if (values.length === 0) return { low: 0, power: 1 };
  values.sort((a, b) => a - b);
  const low = Math.floor(values[Math.floor(values.length * 0.02)] * 20) / 20;
  if (low >= 1) return { low: 0, power: 1 };
  const middle = (values[values.length >> 1] - low) / (1 - low);
  const power = middle <= 0 || middle >= 1 ? 1 : Math.log(0.5) / Math.log(middle);
  return { low, power: Math.min(8, Math.max(1, power)) };
}

export function scaled({ low, power }: OrmScale, value: number): number {
  return Math.min(1, Math.max(0, (value - low) / (1 - low))) ** power;
}

/** The value whose colour is at t: the inverse of `scaled`. */
export function unscaled({ low, power }: OrmScale, t: number): number {
  return low + (1 - low) * t ** (1 / power);
}

/** RGBA of each cell, row-major. */
export function ormPixels(
  orm: Float64Array,
  count: number,
  scale: OrmScale,
  theme: Theme,
): Uint8ClampedArray<ArrayBuffer> {
  const colour = heatColour(theme);
  const table = Array.from({ length: 256 }, (_, i) => colour(i / 255));
  const pixels = new Uint8ClampedArray(count * count * 4);
  for (let k = 0; k < count * count; k++) {
    const [r, g, b] = table[Math.round(scaled(scale, orm[k]) * 255)];
    pixels.set([r, g, b, 255], k * 4);
  }
  return pixels;
}

/** Row and column under a point of the picture (CSS pixels), or null. */
export function ormCellAt(size: number, count: number, x: number, y: number): [number, number] | null {
  const edge = size - ORM_GUTTER;
  const column = Math.floor(((x - ORM_GUTTER) / edge) * count);
  const row = Math.floor((y / edge) * count);
  return row < 0 || column < 0 || row >= count || column >= count ? null : [row, column];
}

export function ormMatrix(data: OrmMatrixData, document: Document): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(data.size * data.pixelRatio);
  canvas.height = canvas.width;
  canvas.style.width = canvas.style.height = `${data.size}px`;
  const context = canvas.getContext('2d');
  if (!context) return canvas;
  context.scale(data.pixelRatio, data.pixelRatio);
  drawCells(context, data, document);
  drawStages(context, data);
  drawMarks(context, data);
  return canvas;
}

function drawCells(context: CanvasRenderingContext2D, data: OrmMatrixData, document: Document): void {
  const { orm, count, scale, theme, size } = data;
  const cells = document.createElement('canvas');
  cells.width = cells.height = count;
  cells
    .getContext('2d')
    ?.putImageData(new ImageData(ormPixels(orm, count, scale, theme), count, count), 0, 0);
  const edge = size - ORM_GUTTER;
  context.imageSmoothingEnabled = count > edge;
  context.drawImage(cells, ORM_GUTTER, 0, edge, edge);
}

function drawStages(
  context: CanvasRenderingContext2D,
  { stages, count, size, ink, font }: OrmMatrixData,
): void {
  const edge = size - ORM_GUTTER;
  context.fillStyle = context.strokeStyle = ink;
  context.font = font;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const { from, to, label } of stages) {
    const [start, end] = [(from / count) * edge, ((to + 1) / count) * edge];
    context.globalAlpha = 0.7;
    for (const vertical of [false, true]) {
      context.save();
      context.beginPath();
      if (vertical) context.translate(ORM_GUTTER - 5, 0);
      else context.translate(ORM_GUTTER, edge + 5);
      // the bracket on the left runs along y, the one below along x
      const point = (along: number, away: number): [number, number] =>
        vertical ? [-away, along] : [along, away];
      context.moveTo(...point(start + 1, 0));
      context.lineTo(...point(end - 1, 0));
      context.stroke();
      if (label !== '' && context.measureText(label).width + 4 < end - start) {
        context.translate(...point((start + end) / 2, 9));
        if (vertical) context.rotate(-Math.PI / 2);
        context.globalAlpha = 1;
        context.fillText(label, 0, 0);
      }
      context.restore();
    }
    if (from > 0) {
      context.globalAlpha = 0.35;
      context.beginPath();
      context.moveTo(ORM_GUTTER + start, 0);
      context.lineTo(ORM_GUTTER + start, edge);
      context.moveTo(ORM_GUTTER, start);
      context.lineTo(ORM_GUTTER + edge, start);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function drawMarks(context: CanvasRenderingContext2D, data: OrmMatrixData): void {
  const { count, size, selected, cursor, ink, paper } = data;
  const edge = size - ORM_GUTTER;
  const cell = edge / count;
  const thick = Math.max(cell, 4);
  // two tones, as no single one stands out on every colour of the map
  for (const [tone, width] of [
    [paper, 3],
    [ink, 1.2],
  ] as const) {
    context.strokeStyle = tone;
    context.lineWidth = width;
    for (const i of selected) {
      const at = (i + 0.5) * cell - thick / 2;
      context.strokeRect(ORM_GUTTER, at, edge, thick);
      context.globalAlpha = 0.6;
      context.strokeRect(ORM_GUTTER + at, 0, thick, edge);
      context.globalAlpha = 1;
    }
  }
  if (cursor) {
    const [row, column] = cursor;
    const grown = Math.max(cell, 5);
    const x = ORM_GUTTER + column * cell + (cell - grown) / 2;
    const y = row * cell + (cell - grown) / 2;
    context.lineWidth = 3;
    context.strokeStyle = '#000';
    context.strokeRect(x, y, grown, grown);
    context.lineWidth = 1.5;
    context.strokeStyle = '#fff';
    context.strokeRect(x, y, grown, grown);
  }
}
