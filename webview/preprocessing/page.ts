/** The page put together: the guess, the controls, what the model sees with what it answers, and all presets compared. */
import { h } from '../dom';
import { formatPercent } from '../format';
import { t } from '../l10n';
import { button } from '../toolkit';
import { comparison } from './comparison';
import { controls } from './controls';
import { preview } from './preview';
import type { EditorState, FromEditor, Preprocessing, ToEditor } from './protocol';

/** Milliseconds after the last change before the model is run. */
const QUIET = 250;

/** @returns what takes messages */
export function preprocessingPage(
  root: HTMLElement,
  send: (message: FromEditor) => void,
): (message: ToEditor) => void {
  const document = root.ownerDocument;
  const form = h(document, 'div', {});
  const status = h(document, 'p', { class: 'hint', role: 'status' });
  const seen = h(document, 'div', { class: 'seen' });
  const compared = h(document, 'div', { class: 'compared' });
  let state: EditorState | null = null;
  let chosen: Preprocessing = { preset: 'imagenet' };
  let timer: ReturnType<typeof setTimeout> | undefined;

  function change(preprocessing: Preprocessing, isWhole: boolean): void {
    chosen = preprocessing;
    if (isWhole) drawForm();
    clearTimeout(timer);
    status.textContent = t('Running the float model…');
    timer = setTimeout(() => send({ type: 'preview', preprocessing: chosen }), QUIET);
  }

  function drawForm(): void {
    if (state) form.replaceChildren(...controls({ state, current: () => chosen }, document, change));
  }

  function draw(now: EditorState): void {
    const use = button(
      document,
      { look: 'primary' },
      () => send({ type: 'use', preprocessing: chosen }),
      t('Use'),
    );
    const cancel = button(document, { look: 'secondary' }, () => send({ type: 'cancel' }), t('Cancel'));
    const compare = (): void => {
      status.textContent = t('Running the float model…');
      send({ type: 'compare' });
    };
    root.replaceChildren(
      h(
        document,
        'main',
        {},
        h(document, 'h1', {}, t('Image preprocessing')),
        h(
          document,
          'p',
          { class: 'hint' },
          t('How the pictures of {0} become the input of {1}', now.folder, now.model),
        ),
        guessLine(now, document),
        form,
        h(document, 'div', { class: 'buttons' }, use, cancel),
        h(document, 'h2', {}, t('What the model sees, and its own top answers')),
        status,
        seen,
        h(document, 'h2', {}, t('All presets')),
        h(
          document,
          'p',
          { class: 'hint' },
          t(
            'A model that is fed wrongly hesitates, or answers the same for every picture: its answers tell little.',
          ),
        ),
        h(document, 'div', {}, button(document, { look: 'secondary' }, compare, t('Compare all presets'))),
        compared,
      ),
    );
    drawForm();
  }

  return (message) => {
    switch (message.type) {
      case 'state':
        state = message;
        draw(message);
        return change(message.start, true);
      case 'busy':
        status.textContent = t('{0}: {1}', message.text, formatPercent(message.fraction));
        return;
      case 'failed':
        status.textContent = message.message;
        return;
      case 'previewed':
        status.textContent = '';
        if (message.isComparison) {
          compared.replaceChildren(comparison(message.choices, document, (one) => change(one, true)));
        } else seen.replaceChildren(...message.choices.flatMap((one) => preview(one, document)));
    }
  };
}

function guessLine({ guess }: EditorState, document: Document): HTMLElement {
  if (!guess) return h(document, 'p', { class: 'guess' }, t('Nothing says what this model takes.'));
  const { label, reason, isSure } = guess;
  const text = isSure
    ? t('Found: {0}. {1}', label, reason)
    : t('A guess: {0}. {1} Check it: are the answers right?', label, reason);
  return h(document, 'p', { class: isSure ? 'guess' : 'guess unsure' }, text);
}
