/** The budget asked for as a quality: the smallest file that meets it is sought by measuring, as `ompq quantize --quality` does. */
import { parseQuality } from '../src/config/quality';
import type { MeasuredQuality, Quality } from '../src/config/types';
import { h } from './dom';
import { editOf } from './edit';
import { t } from './l10n';
import type { Part } from './part';
import type { PanelRequest, PanelState } from './protocol';
import type { Store } from './store';
import { button, dropdown, textField } from './toolkit';

type Kind = 'same' | 'sqnr' | 'kl';

const KINDS: { value: Kind; text: string; usual: string }[] = [
  { value: 'same', text: t('% same answers'), usual: '99' },
  { value: 'sqnr', text: t('dB signal over noise'), usual: '20' },
  { value: 'kl', text: t('nats KL divergence'), usual: '0.05' },
];

export function qualityPart(
  store: Store,
  document: Document,
  request: (request: PanelRequest) => Promise<boolean>,
): Part {
  const element = h(document, 'div', {
    class: 'quality',
    role: 'group',
    'aria-label': t('Budget by quality'),
  });
  let kind: Kind | null = null;
  let drawn = '';

  async function seek(quality: Quality): Promise<void> {
    const edit = store.unwritten ? editOf(store) : null;
    if (edit && !(await request({ type: 'write', edit }))) return;
    await request({ type: 'smallest', quality });
  }

  function draw(): void {
    const { state } = store;
    if (!state) return;
    element.hidden = !state.capabilities.includes('write');
    const { value, usual } = KINDS.find((each) => each.value === (kind ?? kindOf(state)))!;
    const before = state.quality && !('noise' in state.quality) ? asked(state.quality) : null;
    const text = before?.kind === value ? before.text : usual;
    if (drawn === `${value} ${text}`) return;
    drawn = `${value} ${text}`;
    const field = textField(
      document,
      { label: t('Quality to reach'), value: text, size: 5 },
      () => undefined,
    );
    const kinds = hasAnswers(state) ? KINDS : KINDS.filter((each) => each.value === 'sqnr');
    const choose = dropdown(document, t('Measure of quality'), kinds, value, (chosen) => {
      kind = KINDS.find((each) => each.value === chosen)?.value ?? null;
      draw();
    });
    const find = button(
      document,
      { look: 'secondary', title: t('Runs quantized models of several sizes against the float model') },
      () => {
        const quality = parseQuality(`${value}${field.value}${value === 'same' ? '%' : ''}`);
        if (quality) void seek(quality);
        else field.value = text;
      },
      t('Find the smallest file'),
    );
    element.replaceChildren(field, choose, find);
  }

  store.subscribe((change) => {
    if (change === 'state') draw();
  });
  return { element };
}

/** Whether answers and their probabilities can be compared; as long as nothing was measured they may. */
const hasAnswers = ({ contest }: PanelState): boolean =>
  contest?.candidates.some(({ agreement }) => agreement !== null) !== false;

/** What was asked for last, or else what the network has: answers, or numbers. */
function kindOf(state: PanelState): Kind {
  const { quality } = state;
  if (quality && !('noise' in quality)) return asked(quality).kind;
  return hasAnswers(state) ? 'same' : 'sqnr';
}

function asked(quality: MeasuredQuality): { kind: Kind; text: string } {
  if ('kl' in quality) return { kind: 'kl', text: String(quality.kl) };
  if ('sqnrDb' in quality) return { kind: 'sqnr', text: String(quality.sqnrDb) };
  return { kind: 'same', text: String(Number((100 * quality.agreement).toFixed(2))) };
}
