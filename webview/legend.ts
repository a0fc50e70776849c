/** What the colours and marks of the bit map mean, with how many functions got each width. (data, document) -> element. */
import type { BitWidth } from '../src/core/problem/widths';
import { h, s } from './dom';
import { icon } from './glyphs';
import { t } from './l10n';

export interface LegendData {
  bits: readonly (BitWidth | null)[];
  pins: number;
  locks: number;
  skipped: { name: string; op: string; reason: string }[];
  /** The line over the bars; null: none. */
  decider: { name: string; meaning: string } | null;
  /** Column widths follow size, so areas can be compared. */
  area: boolean;
}

export function legend(data: LegendData, document: Document): HTMLElement {
  const counts = new Map<BitWidth, number>();
  for (const bits of data.bits) if (bits !== null) counts.set(bits, (counts.get(bits) ?? 0) + 1);
  const item = (mark: Element, text: string, title = ''): HTMLElement =>
    h(document, 'li', { title }, mark, h(document, 'span', {}, text));
  const list = h(document, 'ul', { class: 'legend', 'aria-label': t('Legend') });
  for (const [bits, count] of [...counts].sort(([a], [b]) => a - b)) {
    list.append(item(h(document, 'span', { class: `swatch bits-${bits}` }), t('{0} bit × {1}', bits, count)));
  }
  if (data.decider) {
    const line = s(
      document,
      'svg',
      { width: 18, height: 10, class: 'icon decider', 'aria-hidden': 'true' },
      s(document, 'path', { d: 'M0 5h18', class: 'line' }),
      s(document, 'circle', { cx: 9, cy: 5, r: 2.5 }),
    );
    list.append(item(line, data.decider.name, data.decider.meaning));
  }
  if (data.area) list.append(h(document, 'li', { class: 'hint' }, t('area = bytes on disk')));
  if (data.pins > 0) list.append(item(icon(document, 'pin'), t('pinned')));
  if (data.locks > 0) list.append(item(icon(document, 'lock'), t('locked')));
  if (data.skipped.length > 0) {
    const names = data.skipped.slice(0, 20).map((node) => `${node.name} (${node.op}): ${node.reason}`);
    const more = data.skipped.length > 20 ? [t('and {0} more', data.skipped.length - 20)] : [];
    list.append(
      item(
        h(document, 'span', { class: 'swatch float' }),
        t('{0} left float', data.skipped.length),
        [...names, ...more].join('\n'),
      ),
    );
  }
  return list;
}
