/** What a quantized file is, where one is opened. (data, document) -> element. */
import { formatAverage, formatSize } from '../src/common/sizes';
import { h } from './dom';
import { plural } from './format';
import { t } from './l10n';
import type { QuantizedFile } from './protocol';
import { button } from './toolkit';

export function quantizedNote(
  { bytes, averageBits, source, changed }: QuantizedFile,
  document: Document,
  openOriginal: () => void,
): HTMLElement {
  const facts = t(
    'This file was quantized by OMPQ: {0}, {1} bits on average.',
    formatSize(bytes),
    formatAverage(averageBits),
  );
  if (!source) {
    const stray = t(
      'The model and the config that it was made from are not in its folder, so its layers have no names here.',
    );
    return h(document, 'div', { class: 'notice', role: 'status' }, h(document, 'p', {}, `${facts} ${stray}`));
  }
  const from = t(
    'Its bits are shown in the layers of {0}, from which it was made with {1}.',
    source.model,
    source.config,
  );
  const since =
    changed === 0
      ? t('That config has the same bits today.')
      : plural(
          changed,
          t('That config gives {0} layer other bits today.', changed),
          t('That config gives {0} layers other bits today.', changed),
        );
  return h(
    document,
    'div',
    { class: 'notice', role: 'status' },
    h(document, 'p', {}, `${facts} ${from} ${since}`),
    button(document, { look: 'secondary' }, openOriginal, t('Open {0}', source.model)),
  );
}
