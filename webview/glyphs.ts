/** Small marks drawn in the pictures, 10 x 10 pixels each. */
import type { FixedBy } from '../src/core/problem/problem';
import { s } from './dom';
import { t } from './l10n';

const PATHS: Record<FixedBy, string> = {
  pin: 'M3 0.5h4M3.8 0.5l-.3 3.2L2 5.2v.8h6v-.8L6.5 3.7l-.3-3.2M5 6v3.5',
  rule: 'M1.5 2h7M1.5 5h7M1.5 8h4.5',
  lock: 'M3 4.5V3a2 2 0 0 1 4 0v1.5M1.8 4.5h6.4v4.7H1.8z',
};

/** What each is called. */
export const FIXED_WORDS: Record<FixedBy, string> = {
  pin: t('pinned'),
  rule: t('by a rule'),
  lock: t('locked'),
};

/** Centred at x, with its upper edge at y. */
export function glyph(document: Document, kind: FixedBy, x: number, y: number): SVGGElement {
  const at = `translate(${Math.round(x * 2) / 2 - 5},${Math.round(y * 2) / 2})`;
  return s(
    document,
    'g',
    { transform: at, class: `glyph ${kind}` },
    s(document, 'path', { d: PATHS[kind], class: 'halo' }),
    s(document, 'path', { d: PATHS[kind] }),
  );
}

/** The same mark as a picture of its own, for legends and buttons. */
export function icon(document: Document, kind: FixedBy): SVGSVGElement {
  return s(
    document,
    'svg',
    { width: 10, height: 10, viewBox: '0 0 10 10', class: 'icon', 'aria-hidden': 'true' },
    glyph(document, kind, 5, 0),
  );
}
