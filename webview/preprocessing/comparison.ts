/** All presets side by side: how much the float model's answers tell, how many are right, and what it says of the pictures. */
import { h } from '../dom';
import { formatPercent } from '../format';
import { t } from '../l10n';
import { answerText } from './preview';
import type { Preprocessing, PreviewShown } from './protocol';

export function comparison(
  choices: readonly PreviewShown[],
  document: Document,
  take: (preprocessing: Preprocessing) => void,
): HTMLElement {
  const isRight = choices.some(({ right }) => right !== null);
  const titles = [t('Preprocessing'), isRight ? t('Right answers') : t('Answers tell'), t('Top answers'), ''];
  const rows = [...choices].sort((a, b) => standing(b) - standing(a)).map(row);
  return h(
    document,
    'table',
    {},
    h(
      document,
      'thead',
      {},
      h(
        document,
        'tr',
        {},
        ...titles.map((text) => h(document, text ? 'th' : 'td', text ? { scope: 'col' } : {}, text)),
      ),
    ),
    h(document, 'tbody', {}, ...rows),
  );

  function row({ preprocessing, label, problem, decided, right, pictures }: PreviewShown): HTMLElement {
    const use = h(
      document,
      'button',
      { type: 'button', class: 'link', 'aria-label': t('Show {0}', label) },
      t('Show'),
    );
    use.addEventListener('click', () => take(preprocessing));
    const worth = right
      ? t('{0} of {1}', right.count, right.of)
      : decided === null
        ? '–'
        : formatPercent(decided);
    const top = pictures.flatMap(({ answers }) => (answers[0] ? [answerText(answers[0])] : [])).join(' · ');
    return h(
      document,
      'tr',
      {},
      h(document, 'th', { scope: 'row' }, label),
      h(document, 'td', { class: 'numeric' }, worth),
      h(document, 'td', { class: 'hint' }, problem ?? top),
      h(document, 'td', {}, use),
    );
  }
}

const standing = ({ right, decided }: PreviewShown): number =>
  right ? right.count / right.of : (decided ?? -1);
