/** The card of one function: what it is, why it got its bits, what every other width would cost. (data, document) -> element. */
import { formatSize } from '../src/common/sizes';
import type { FixedBy } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import { cutName } from './cutName';
import { h } from './dom';
import { formatCount, formatPercent, formatShape, significant } from './format';
import { FIXED_WORDS, icon } from './glyphs';
import { t } from './l10n';
import type { PanelFunction } from './protocol';

export interface DetailsData {
  function: PanelFunction;
  /** 0-based, in network order. */
  index: number;
  count: number;
  bits: BitWidth | null;
  importance: number | null;
  fixedBy: FixedBy | null;
  /** Names of functions that share its weights. */
  tied: string[];
  /** Widths to offer, rising. */
  widths: BitWidth[];
  /** Bytes of the whole allocated file; null before allocation. */
  total: number | null;
}

/** @param choose locks the function at a width; null unlocks it. Absent where nothing can be changed yet. */
export function details(
  data: DetailsData,
  document: Document,
  choose?: (bits: BitWidth | null) => void,
): HTMLElement {
  const f = data.function;
  const fact = (name: string, value: string, title = ''): HTMLElement =>
    h(document, 'div', { title }, h(document, 'dt', {}, name), h(document, 'dd', {}, value));
  const facts = [
    fact(t('operator'), f.op),
    fact(t('output'), formatShape(f.shape)),
    fact(t('parameters'), formatCount(f.params)),
    fact('MACs', f.macs === null ? t('depend on the input') : formatCount(f.macs)),
  ];
  if (f.gamma !== null)
    facts.push(
      fact(
        t('overlap'),
        significant(f.gamma),
        t(
          'How much its output has in common with those of all other layers: the sum of its row of the matrix (γ)',
        ),
      ),
    );
  if (data.importance !== null) {
    facts.push(
      fact(
        t('importance'),
        significant(data.importance),
        t('Weight of its bits in the objective, largest = 1: falls with the overlap'),
      ),
    );
  }
  if (f.activationBits !== undefined) {
    facts.push(fact('activations', t('{0} bits', f.activationBits), t('Of the activations that it reads')));
  }
  if (f.kept != null) {
    facts.push(
      fact(
        t('bits kept'),
        formatPercent(f.kept),
        t('How often it gets the same bits when the calibration samples are drawn again'),
      ),
    );
  }
  if (data.bits !== null && data.total) {
    facts.push(fact(t('of the file'), formatPercent((f.bytes[data.bits] ?? 0) / data.total)));
  }
  return h(
    document,
    'section',
    { class: 'details', 'aria-label': t('Details of {0}', f.name) },
    h(
      document,
      'div',
      { class: 'who' },
      h(document, 'h2', { title: f.layers.join('\n'), 'aria-label': f.name }, cutName(f.name, document)),
      h(document, 'p', {}, standing(data)),
    ),
    h(document, 'dl', { class: 'facts' }, ...facts),
    widthRow(data, document, choose),
  );
}

function standing({ index, count, fixedBy, bits, tied, function: f }: DetailsData): string {
  const parts = [t('{0} of {1}', index + 1, count)];
  if (f.layers.length > 1) parts.push(t('{0} operators with weights', f.layers.length));
  if (bits !== null)
    parts.push(
      fixedBy === 'lock' ? t('locked by you') : fixedBy ? FIXED_WORDS[fixedBy] : t('chosen by the solver'),
    );
  if (tied.length > 0) parts.push(t('has the same bits as {0}', tied.join(', ')));
  return parts.join(' · ');
}

/** In the width of a button. */
function shortNoise(noise: number): string {
  return noise >= 0.01 ? noise.toFixed(2) : noise.toExponential(0);
}

/** Bytes at each width as small bars; each is a button where bits can be changed. */
function widthRow(
  { function: f, widths, bits, fixedBy }: DetailsData,
  document: Document,
  choose?: (bits: BitWidth | null) => void,
): HTMLElement {
  const largest = Math.max(...widths.map((w) => f.bytes[w] ?? 0), 1);
  const row = h(document, 'div', {
    class: 'width-row',
    role: 'group',
    'aria-label': t('Bytes at each width'),
  });
  for (const width of widths) {
    const bytes = f.bytes[width];
    if (bytes === undefined) continue;
    const bar = h(document, 'span', { class: `bar bits-${width}` });
    bar.style.height = `${Math.max(2, Math.round((bytes / largest) * 26))}px`;
    const chosen = width === bits;
    const cell = h(
      document,
      'button',
      {
        class: chosen ? 'width chosen' : 'width',
        type: 'button',
        'aria-pressed': chosen ? 'true' : 'false',
        disabled: !choose,
        title: choose ? t('Lock at {0} bits', width) : null,
      },
      h(document, 'span', { class: 'bar-room' }, bar),
      h(
        document,
        'span',
        { class: 'name' },
        t('{0} bit', width),
        chosen && fixedBy ? icon(document, fixedBy) : null,
      ),
      h(document, 'span', { class: 'bytes' }, formatSize(bytes)),
      f.noise?.[width] !== undefined &&
        h(
          document,
          'span',
          {
            class: 'bytes',
            title: t('Noise that it alone would make at this width, relative to the signal'),
          },
          t('noise {0}', shortNoise(f.noise[width])),
        ),
    );
    if (choose) cell.addEventListener('click', () => choose(width));
    row.append(cell);
  }
  if (choose && fixedBy === 'lock') {
    const free = h(document, 'button', { class: 'width free', type: 'button' }, t('Unlock'));
    free.addEventListener('click', () => choose(null));
    row.append(free);
  }
  return row;
}
