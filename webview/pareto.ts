/** Objective against file size: every distinct optimum, the budget, and where the current allocation stands. (data, document) -> SVG. */
import * as Plot from '@observablehq/plot';
import { formatSize } from '../src/common/sizes';
import { t } from './l10n';
import type { Frontier } from './solver';

export interface ParetoData {
  /** null while it is sought. */
  frontier: Frontier | null;
  current: Point | null;
  /** false: the bits on show were found by trying; they answer another question than the curve. */
  isOnCurve?: boolean;
  /** Files that were run, with what came of it in a word or two. */
  measured: { sizeBytes: number; text: string }[];
  /** Objectives are negative sums of noise, shown in dB. */
  isNoise: boolean;
  /** Size of all functions at the widest allowed width. */
  range: { smallest: number; largest: number };
  width: number;
  height: number;
}

/** Left and right edges of the plot in pixels; the budget slider lies under it and shares them. */
export const PARETO_MARGIN = { left: 46, right: 18 };

/** Pixels that the words at a measured point take: they stand on a slope, which keeps neighbours apart as well. */
const WORD_ROOM = 34;

/** Pixels of a letter of these words, at most. */
const LETTER = 6.5;

export interface Point {
  sizeBytes: number;
  objective: number;
}

export function pareto(data: ParetoData, document: Document): SVGSVGElement {
  const { frontier, current, range, isNoise, isOnCurve = true } = data;
  const points = thinned(data);
  const height = heightOf(data);
  const size = (p: Point): number => p.sizeBytes;
  const few = points.length <= 60;
  const tried = triedPoints(data);
  const said = apart(tried, data);
  // Left of its point, above the curve; where that would be cut off, right of it and below.
  const words = (points: typeof said, textAnchor: 'start' | 'end') =>
    points.length === 0
      ? null
      : Plot.text(points, {
          x: size,
          y: height,
          text: 'text',
          dx: textAnchor === 'end' ? 0 : 8,
          dy: textAnchor === 'end' ? -10 : 10,
          textAnchor,
          className: 'tried-text',
        });
  const svg = Plot.plot({
    document,
    width: data.width,
    height: data.height,
    marginLeft: PARETO_MARGIN.left,
    marginRight: PARETO_MARGIN.right,
    marginTop: 20,
    marginBottom: 28,
    className: 'pareto',
    style: { background: 'none' },
    x: {
      domain: [range.smallest, range.largest],
      tickFormat: formatSize,
      ticks: Math.max(2, Math.floor(data.width / 100)),
      label: null,
    },
    y: isNoise
      ? {
          label: t('quality, estimated'),
          ticks: 4,
          tickFormat: () => '',
          nice: true,
        }
      : { label: t('objective, % of the best'), ticks: 4, domain: [0, 100] },
    marks: [
      Plot.gridY({ ticks: 4, stroke: 'currentColor', strokeOpacity: 0.15 }),
      isNoise
        ? null
        : Plot.areaY(points, { x: size, y: height, y1: 0, curve: 'step-after', className: 'under' }),
      Plot.lineY(points, { x: size, y: height, curve: 'step-after', className: 'frontier' }),
      few ? Plot.dot(points, { x: size, y: height, r: 2, className: 'optima' }) : null,
      Plot.dot(tried, { x: size, y: height, r: 4.5, symbol: 'diamond', className: 'tried' }),
      words(
        said.filter((point) => hasRoomLeft(point, data)),
        'end',
      ),
      words(
        said.filter((point) => !hasRoomLeft(point, data)),
        'start',
      ),
      current
        ? [
            Plot.ruleX([current], { x: size, strokeDasharray: '2,3', className: 'here' }),
            frontier && isOnCurve
              ? Plot.dot([current], { x: size, y: height, r: 5.5, className: 'current' })
              : null,
          ]
        : null,
    ],
  }) as SVGSVGElement;
  // Plot's own style element would break the page's CSP; style.css carries what is needed of it
  svg.querySelector('style')?.remove();
  // inside an image, labels of groups say nothing and are not allowed
  svg.querySelectorAll('[aria-label]').forEach((group) => group.removeAttribute('aria-label'));
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', describe(data));
  return svg;
}

/** As many points as can be told apart: of a curve that only rises, the last in each half pixel. */
function thinned({ frontier, range, width }: ParetoData): Point[] {
  if (!frontier) return [];
  const { size, objective } = frontier;
  const cell = (range.largest - range.smallest) / (2 * width) || 1;
  const points: Point[] = [];
  for (let i = 0; i < size.length; i++) {
    const isLast = i === size.length - 1 || Math.floor(size[i + 1] / cell) !== Math.floor(size[i] / cell);
    if (i === 0 || isLast) points.push({ sizeBytes: size[i], objective: objective[i] });
  }
  return points;
}

/** The files that were run, where the curve stands at their sizes. */
function triedPoints({ frontier, measured, range }: ParetoData): (Point & { text: string })[] {
  if (!frontier) return [];
  const { size, objective } = frontier;
  return measured.flatMap(({ sizeBytes, text }) => {
    const at = size.findLastIndex((bytes) => bytes <= sizeBytes);
    const isInside = sizeBytes >= range.smallest && sizeBytes <= range.largest;
    return at < 0 || !isInside ? [] : [{ sizeBytes, objective: objective[at], text }];
  });
}

/** Pixels to a byte. */
function scaleOf({ range, width }: ParetoData): number {
  return (width - PARETO_MARGIN.left - PARETO_MARGIN.right) / (range.largest - range.smallest || 1);
}

function hasRoomLeft({ sizeBytes, text }: Point & { text: string }, data: ParetoData): boolean {
  const left = PARETO_MARGIN.left + (sizeBytes - data.range.smallest) * scaleOf(data);
  return left >= text.length * LETTER;
}

/** Those of the points whose words do not run into each other, the one on show first. */
function apart<P extends Point>(points: readonly P[], data: ParetoData): P[] {
  const { current } = data;
  const scale = scaleOf(data);
  const distance = (a: Point, b: Point): number => Math.abs(a.sizeBytes - b.sizeBytes) * scale;
  const near = (p: P): number => (current ? distance(p, current) : 0);
  const kept: P[] = [];
  for (const point of [...points].sort((a, b) => near(a) - near(b))) {
    if (kept.every((other) => distance(point, other) >= WORD_ROOM)) kept.push(point);
  }
  return kept;
}

/** An objective as a height of the picture. */
function heightOf({ frontier, current, isNoise }: ParetoData): (point: Point) => number {
  if (isNoise) return ({ objective }) => -10 * Math.log10(Math.max(1e-12, -objective));
  const best = Math.max(frontier?.objective.at(-1) ?? 0, current?.objective ?? 0, Number.MIN_VALUE);
  return ({ objective }) => (100 * objective) / best;
}

function describe({ current, measured, range }: ParetoData): string {
  const sentences = [
    t(
      'Curve of sizes from {0} to {1}, each with its best bits.',
      formatSize(range.smallest),
      formatSize(range.largest),
    ),
  ];
  if (current) sentences.push(t('The bits on show take {0}.', formatSize(current.sizeBytes)));
  const points = measured.map(({ sizeBytes, text }) => t('{0} at {1}', text, formatSize(sizeBytes)));
  if (points.length > 0) sentences.push(t('Measured: {0}.', points.join(', ')));
  return sentences.join(' ');
}
