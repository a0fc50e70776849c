/** The controls of the settings that re-solve without scoring again. (plan, change) -> elements. */
import type { Contest } from '../src/config/types';
import { OBJECTIVES } from '../src/core/allocation/objectives';
import type { BitWidth } from '../src/core/problem/widths';
import { DECAYS } from '../src/core/scoring/importance';
import { h } from './dom';
import { t } from './l10n';
import { effective, isNoise } from './objective';
import type { Plan } from './protocol';
import { settingRow } from './settingRow';
import { DECAY_NAMES, OBJECTIVE_NAMES } from './settingTexts';
import { dropdown, textField } from './toolkit';

const WIDTHS: BitWidth[] = [2, 3, 4, 5, 6, 7, 8];

export interface SettingData {
  plan: Plan;
  /** The noise of every layer is known. */
  noise: boolean;
  contest: Contest | null;
}

type Change = (part: Partial<Plan>) => void;

export function settingControls(data: SettingData, document: Document, change: Change): HTMLElement[] {
  const { plan, contest } = data;
  const row = (name: string, control: HTMLElement): HTMLElement => settingRow(document, name, control);
  const rows = [
    row(t('Objective'), objectiveControl(data, document, change)),
    row(t('Allowed widths'), widthToggles(plan, document, change)),
    row(t('First layer'), pinControl('first', plan, document, change)),
    row(t('Last layer'), pinControl('last', plan, document, change)),
  ];
  if (effective(plan, contest).objective === 'uniform') return rows;
  rows.push(row(t('Importance'), decayControl(plan, document, change)));
  if (plan.decay === 'exp') rows.push(row(t('Steepness (β)'), betaControl(plan, document, change)));
  return rows;
}

function widthToggles(plan: Plan, document: Document, change: Change): HTMLElement {
  const toggles = WIDTHS.map((width) => {
    const isOn = plan.widths.includes(width);
    const toggle = h(
      document,
      'button',
      {
        type: 'button',
        class: `width-toggle bits-${width}`,
        'aria-pressed': String(isOn),
        'data-setting': `width-${width}`,
        'aria-label': t('Allow {0} bits', width),
        title: isOn ? t('Do not allow {0} bits', width) : t('Allow {0} bits', width),
      },
      width,
    );
    toggle.addEventListener('click', () => {
      const others = plan.widths.filter((w) => w !== width);
      const widths = isOn ? others : [...others, width].sort((a, b) => a - b);
      if (widths.length > 0) change({ widths });
    });
    return toggle;
  });
  const attributes = { class: 'width-toggles', role: 'group', 'aria-label': t('Allowed widths') };
  return h(document, 'span', attributes, ...toggles);
}

function pinControl(end: 'first' | 'last', plan: Plan, document: Document, change: Change): HTMLElement {
  const options = [
    { value: 'auto', text: t('8 bits where that costs little') },
    { value: 'none', text: t('not pinned') },
    ...[...WIDTHS, 16, 32].map((w) => ({ value: String(w), text: t('{0} bits', w) })),
  ];
  const label = end === 'first' ? t('Pin of the first layer') : t('Pin of the last layer');
  const made = dropdown(document, label, options, String(plan.pins?.[end] ?? 'none'), (value) => {
    const pins = { ...plan.pins };
    if (value === 'none') delete pins[end];
    else pins[end] = value === 'auto' ? value : (Number(value) as BitWidth);
    change({ pins: Object.keys(pins).length > 0 ? pins : null });
  });
  made.setAttribute('data-setting', `pin-${end}`);
  return made;
}

function objectiveControl(
  { plan, noise, contest }: SettingData,
  document: Document,
  change: Change,
): HTMLElement {
  const offered = OBJECTIVES.filter(
    (name) => name === plan.objective || (name === 'auto' ? contest !== null : noise || !isNoise(name)),
  );
  const options = offered.map((value) => ({ value, text: OBJECTIVE_NAMES[value] }));
  const made = dropdown(document, t('Objective'), options, plan.objective, (value) => {
    const chosen = offered.find((name) => name === value);
    if (chosen) change({ objective: chosen });
  });
  made.setAttribute('data-setting', 'objective');
  return made;
}

function decayControl(plan: Plan, document: Document, change: Change): HTMLElement {
  const options = DECAYS.map((value) => ({ value, text: DECAY_NAMES[value] }));
  const made = dropdown(
    document,
    t('Importance of a layer from its overlap'),
    options,
    plan.decay,
    (value) => {
      const chosen = DECAYS.find((d) => d === value);
      if (chosen) change({ decay: chosen });
    },
  );
  made.setAttribute('data-setting', 'decay');
  return made;
}

function betaControl(plan: Plan, document: Document, change: Change): HTMLElement {
  const options = { label: t('Steepness (β)'), value: String(plan.beta), size: 8 };
  const made = textField(document, options, (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= 0) change({ beta: value });
    else made.value = String(plan.beta);
  });
  made.setAttribute('data-setting', 'beta');
  return made;
}
