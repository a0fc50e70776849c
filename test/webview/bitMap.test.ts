import { describe, expect, it } from 'vitest';
import { bitMap } from '../../webview/bitMap';
import { columnAt, columnSpans, stageRuns, type BitMapData } from '../../webview/bitMapLayout';
import { sizeMap } from '../../webview/sizeMap';

const BITS = [8, 2, 4, 4, 32, 8] as const;

const data: BitMapData = {
  columns: BITS.map((bits, i) => ({
    name: `f${i}`,
    bits,
    before: null,
    floatBytes: 1000 * (i + 1) ** 2,
    decider: (i + 1) / 6,
    fixedBy: i === 0 ? 'pin' : i === 2 ? 'lock' : null,
    stage: i < 3 ? 0 : i < 5 ? 1 : 2,
    resolution: i < 3 ? '56 × 56' : i < 5 ? '28 × 28' : '',
  })),
  float: { layers: 1, bytes: 5000 },
  columnWidth: 'equal',
  showDecider: true,
  width: 480,
  height: 200,
  selected: new Set(['f3']),
};
const many = (count: number): BitMapData => ({
  ...data,
  columns: Array.from({ length: count }, (_, i) => ({ ...data.columns[i % 6], name: `f${i}` })),
});
const bars = (svg: SVGElement): SVGElement[] => [...svg.querySelectorAll<SVGElement>('.column')];
const number = (element: SVGElement, name: string): number => Number(element.getAttribute(name));

describe('bitMap', () => {
  it('draws a column per layer with its bits, pins, locks, ties and the selection, over an axis of bits', () => {
    expect(bitMap(data, document).outerHTML.replaceAll('><', '>\n<')).toMatchSnapshot();
  });

  it('has a column per function, taller with more bits, all on one base line', () => {
    const drawn = bars(bitMap(data, document));
    expect(drawn.map((bar) => bar.getAttribute('class'))).toEqual([
      'column bits-8',
      'column bits-2',
      'column bits-4',
      'column bits-4 selected',
      'column bits-32',
      'column bits-8',
    ]);
    const heights = drawn.map((bar) => number(bar, 'height'));
    expect(heights[0] / heights[1]).toBeCloseTo(4, 2);
    expect(heights[4]).toBeGreaterThan(heights[0]);
    expect(new Set(drawn.map((bar) => Math.round(number(bar, 'y') + number(bar, 'height')))).size).toBe(1);
  });

  it('makes column widths proportional to size where asked, with slivers that can still be seen', () => {
    const spans = columnSpans({ ...data, columnWidth: 'size' });
    expect(spans[5].width / spans[3].width).toBeGreaterThan(2);
    expect(Math.min(...spans.map((s) => s.width))).toBeGreaterThanOrEqual(4);
    const right = spans[5].x + spans[5].width;
    expect(right).toBeLessThanOrEqual(data.width);
    for (let i = 1; i < spans.length; i++)
      expect(spans[i].x).toBeCloseTo(spans[i - 1].x + spans[i - 1].width, 6);
  });

  it('prints the number of bits only where it fits', () => {
    expect(bitMap(data, document).querySelectorAll('.numbers text')).toHaveLength(6);
    expect(bitMap(many(300), document).querySelectorAll('.numbers text')).toHaveLength(0);
  });

  it('keeps a thousand functions inside the picture, each with a column', () => {
    const svg = bitMap(many(1000), document);
    expect(bars(svg)).toHaveLength(1000);
    const last = bars(svg)[999];
    expect(number(last, 'x') + number(last, 'width')).toBeLessThan(data.width);
  });

  it('marks pins and locks with glyphs, and with ticks where columns are narrow', () => {
    const wide = bitMap(data, document);
    expect(wide.querySelectorAll('.glyph.pin')).toHaveLength(1);
    expect(wide.querySelectorAll('.glyph.lock')).toHaveLength(1);
    const narrow = bitMap(many(300), document);
    expect(narrow.querySelectorAll('.marks .glyph')).toHaveLength(0);
    expect(narrow.querySelectorAll('.marks .tick')).toHaveLength(100);
  });

  it('shows layers left float apart from the columns', () => {
    expect(bitMap(data, document).querySelectorAll('.float rect')).toHaveLength(1);
    const none = { layers: 0, bytes: 0 };
    expect(bitMap({ ...data, float: none }, document).querySelector('.float rect')).toBeNull();
    const crowd = { layers: 400, bytes: 5000 };
    const drawn = bitMap({ ...data, float: crowd }, document);
    expect(drawn.querySelector('.float text')?.textContent).toBe('400 float');
  });

  it.each([240, 640, 1200])(
    'leaves the columns most of the width %i, however many layers stay float',
    (width) => {
      const spans = columnSpans({ ...data, width, float: { layers: 400, bytes: 5000 } });
      const last = spans.at(-1)!;
      const full = columnSpans({ ...many(40), width, float: { layers: 400, bytes: 0 } }).at(-1)!;
      expect(last.x + last.width).toBeLessThanOrEqual(width);
      expect(full.x + full.width).toBeGreaterThan(0.75 * width);
    },
  );

  it('draws areas that are bytes, those of what no bits are chosen for included', () => {
    const sized = { ...data, columnWidth: 'size' as const, width: 4000, float: { layers: 0, bytes: 9000 } };
    const drawn = bitMap(sized, document);
    const area = (element: Element): number =>
      Number(element.getAttribute('width')) * Number(element.getAttribute('height'));
    const columns = [...drawn.querySelectorAll('.column')];
    // the two of 4 bits: floatBytes of 9000 and 16000
    const perByte = (area(columns[3]) - area(columns[2])) / (((16_000 - 9000) * 4) / 32);
    const rest = drawn.querySelector('.float rect')!;
    expect(area(rest) / 9000 / perByte).toBeGreaterThan(0.95);
    expect(area(rest) / 9000 / perByte).toBeLessThan(1.05);
  });

  it('outlines the bits before the last change where they were others', () => {
    const columns = data.columns.map((c, i) => ({ ...c, before: i === 2 ? (8 as const) : null }));
    const drawn = bitMap({ ...data, columns }, document);
    const ghosts = [...drawn.querySelectorAll('.ghosts rect')];
    expect(ghosts).toHaveLength(1);
    const height = (element: Element): number => Number(element.getAttribute('height'));
    const own = [...drawn.querySelectorAll('.column')][2];
    expect(height(ghosts[0])).toBeCloseTo(2 * height(own), 0);
    expect(bitMap(data, document).querySelector('.ghosts rect')).toBeNull();
  });

  it('finds the column under a point', () => {
    const spans = columnSpans(data);
    expect(columnAt(spans, spans[3].x + 1)).toBe(3);
    expect(columnAt(spans, 2)).toBe(-1);
  });

  it('draws an empty network without failing', () => {
    expect(bars(bitMap({ ...data, columns: [] }, document))).toHaveLength(0);
  });
});

describe('sizeMap', () => {
  it('draws a bar per layer, as high as its bytes, under the same marks as the bit map', () => {
    expect(sizeMap(data, document).outerHTML.replaceAll('><', '>\n<')).toMatchSnapshot();
  });

  it('is taller for larger functions and leaves no function without a mark', () => {
    const heights = bars(sizeMap(data, document)).map((bar) => number(bar, 'height'));
    expect([...heights].sort((a, b) => a - b)).toEqual(heights);
    expect(heights[0]).toBeGreaterThanOrEqual(2);
  });
});

it('stageRuns joins neighbours of one stage only', () => {
  expect(stageRuns([{ stage: 0 }, { stage: 0 }, { stage: 1 }, { stage: 0 }])).toEqual([
    { from: 0, to: 1 },
    { from: 2, to: 2 },
    { from: 3, to: 3 },
  ]);
});
