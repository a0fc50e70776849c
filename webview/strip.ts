/** An allocation in one line: a cell per function, coloured by its bits. (data, document) -> SVG. */
import type { BitWidth } from '../src/core/problem/widths';
import { s } from './dom';
import { t } from './l10n';

const WIDTH = 200;
const HEIGHT = 14;

export function colourStrip(bits: readonly BitWidth[], document: Document): SVGSVGElement {
  const svg = s(document, 'svg', {
    class: 'strip',
    width: WIDTH,
    height: HEIGHT,
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': t('Bits: {0}', bits.join(' ')),
  });
  const cell = WIDTH / Math.max(1, bits.length);
  let from = 0;
  bits.forEach((width, i) => {
    if (bits[i + 1] === width) return;
    // one rectangle per run of equal bits
    const [x, to] = [from * cell, (i + 1) * cell];
    svg.append(
      s(document, 'rect', { x, y: 0, width: to - x, height: HEIGHT, class: `column bits-${width}` }),
    );
    from = i + 1;
  });
  return svg;
}
