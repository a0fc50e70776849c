/** Before any bits are chosen: the size of each function, from the file alone. (data, document) -> SVG. */
import { formatSize } from '../src/common/sizes';
import { type BitMapData, columnSpans, gapFor, stageRuns } from './bitMapLayout';
import { s } from './dom';

const TOP = 22;
const BOTTOM = 24;

export function sizeMap(data: BitMapData, document: Document): SVGSVGElement {
  const equal = { ...data, columnWidth: 'equal' as const };
  const spans = columnSpans(equal);
  const base = data.height - BOTTOM;
  const largest = Math.max(1, ...data.columns.map((c) => c.floatBytes));
  // sizes span four orders of magnitude: the square root keeps the small ones visible and the order right
  const height = (bytes: number): number => Math.max(2, Math.sqrt(bytes / largest) * (base - TOP));
  const svg = s(document, 'svg', {
    class: 'bit-map size-map',
    width: data.width,
    height: data.height,
    viewBox: `0 0 ${data.width} ${data.height}`,
    role: 'presentation',
    'aria-hidden': 'true',
  });
  const columns = s(document, 'g', { class: 'columns' });
  data.columns.forEach((column, i) => {
    const { x, width } = spans[i];
    const gap = gapFor(width);
    const tall = height(column.floatBytes);
    columns.append(
      s(document, 'rect', {
        x: x + gap / 2,
        y: base - tall,
        width: Math.max(0.6, width - gap),
        height: tall,
        rx: width > 10 ? 2 : 0,
        class: `column size${data.selected.has(column.name) ? ' selected' : ''}`,
      }),
    );
    if (width > 46) {
      columns.append(
        s(
          document,
          'text',
          { x: x + width / 2, y: base - tall - 5, 'text-anchor': 'middle', class: 'bytes' },
          formatSize(column.floatBytes),
        ),
      );
    }
  });
  const stages = s(document, 'g', { class: 'stages' });
  for (const { from, to } of stageRuns(data.columns)) {
    const [left, right] = [spans[from].x + 1.5, spans[to].x + spans[to].width - 1.5];
    stages.append(s(document, 'path', { d: `M${left},${base + 3.5}v3H${right}v-3` }));
    const { resolution } = data.columns[from];
    if (resolution.length * 6 + 4 <= right - left) {
      stages.append(
        s(document, 'text', { x: (left + right) / 2, y: base + 19, 'text-anchor': 'middle' }, resolution),
      );
    }
  }
  svg.append(columns, stages);
  return svg;
}
