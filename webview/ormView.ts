/** The frame of the ORM picture, and its scale in colours. */
import { h } from './dom';
import { t } from './l10n';
import { unscaled, type OrmScale } from './ormMatrix';
import { heatColour } from './palette';
import { currentTheme } from './theme';

export function ormFrame(document: Document) {
  const room = h(document, 'div', {
    class: 'orm-room',
    role: 'application',
    tabindex: 0,
    'aria-roledescription': t('heat map'),
    'aria-label': t('Orthogonality matrix: arrow keys move between pairs of layers'),
  });
  const readout = h(document, 'p', { class: 'readout', 'aria-live': 'polite' });
  const legend = h(document, 'div', { class: 'heat-legend' });
  const element = h(
    document,
    'section',
    { class: 'card orm', 'aria-labelledby': 'ompq-orm-title' },
    h(
      document,
      'div',
      { class: 'card-head' },
      h(document, 'h2', { id: 'ompq-orm-title' }, t('Orthogonality')),
      h(
        document,
        'span',
        { class: 'hint' },
        t(
          'How alike the outputs of every two layers are (orthogonality matrix, ORM): 0 orthogonal, 1 the same',
        ),
      ),
    ),
    room,
    h(document, 'div', { class: 'orm-foot' }, legend, readout),
  );
  return { element, room, readout, legend };
}

/** The strip of colours with the values at its ends and in its middle. */
export function heatLegend(scale: OrmScale, document: Document): HTMLElement[] {
  const colour = heatColour(currentTheme(document.body));
  const strip = h(document, 'canvas', { width: 160, height: 10, 'aria-hidden': 'true' });
  const context = strip.getContext('2d');
  for (let x = 0; x < 160 && context; x++) {
    context.fillStyle = `rgb(${colour(x / 159).join(' ')})`;
    context.fillRect(x, 0, 1, 10);
  }
  const ticks = [0, 0.5, 1].map((at) => h(document, 'span', {}, unscaled(scale, at).toFixed(2)));
  ticks[0].prepend(scale.low > 0 ? '≤ ' : '');
  return [strip, h(document, 'div', { class: 'heat-ticks' }, ...ticks)];
}
