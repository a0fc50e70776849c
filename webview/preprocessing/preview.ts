/** Pictures as the model sees them, each with the model's top answers. (data, document) -> elements. */
import { h } from '../dom';
import { formatPercent, significant } from '../format';
import { t } from '../l10n';
import type { PreviewShown } from './protocol';

export function preview(
  { problem, preparation, range, pictures }: PreviewShown,
  document: Document,
): HTMLElement[] {
  if (problem !== null) return [h(document, 'p', { class: 'problem', role: 'alert' }, problem)];
  const figures = pictures.map(({ source, answers }, i) =>
    h(
      document,
      'figure',
      {},
      h(document, 'img', { src: source, alt: t('Picture {0} as the model sees it', i + 1) }),
      h(
        document,
        'figcaption',
        {},
        answers.length > 0
          ? h(document, 'ol', {}, ...answers.map((answer) => h(document, 'li', {}, answerText(answer))))
          : t('The model does not answer with classes.'),
      ),
    ),
  );
  const facts = [preparation];
  if (range) facts.push(t('values from {0} to {1}', significant(range[0]), significant(range[1])));
  return [
    h(document, 'div', { class: 'figures' }, ...figures),
    h(document, 'p', { class: 'hint' }, facts.join('; ')),
  ];
}

export function answerText({ index, share }: { index: number; share: number }): string {
  return t('class {0}: {1}', String(index), formatPercent(share));
}
