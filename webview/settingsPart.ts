/** Widths, pins, and how orthogonality becomes importance: all of it re-solves without scoring again. */
import type { Contest } from '../src/config/types';
import type { Objective } from '../src/core/objectives';
import { DECAYS, type Decay } from '../src/core/importance';
import type { BitWidth } from '../src/core/widths';
import { h } from './dom';
import type { Part } from './mapPart';
import { effective, isNoise } from './objective';
import type { Plan } from './plan';
import type { Store } from './store';
import { dropdown, textField } from './toolkit';
import { t } from './l10n';

const WIDTHS: BitWidth[] = [2, 3, 4, 5, 6, 7, 8];

const OBJECTIVES: Objective[] = ['auto', 'orthogonality', 'noise-aware', 'orthogonality-noise', 'uniform'];

const OBJECTIVE_NAMES: Record<Objective, string> = {
  auto: t('Best measured'),
  orthogonality: t('Orthogonality (the paper)'),
  'noise-aware': t('Least noise'),
  'orthogonality-noise': t('Least noise × orthogonality'),
  uniform: t('Uniform'),
};

const DECAY_NAMES: Record<Decay, string> = {
  exp: 'exp(-β γ)',
  log: '-log γ',
  linear: '-γ',
  cubic: '-γ³',
  negexp: '-exp γ',
};

export function settingsPart(store: Store, document: Document): Part {
  const body = h(document, 'div', { class: 'settings-body' });
  const summary = h(document, 'summary', {});
  const element = h(document, 'details', { class: 'settings' }, summary, body);
  let drawn = '';

  function draw(): void {
    const { plan, state } = store;
    if (!plan || !state) return;
    summary.textContent = t(
      '{0} · widths {1} · {2} · θ = {3}{4}',
      OBJECTIVE_NAMES[plan.objective],
      runs(plan.widths),
      pinText(plan),
      DECAY_NAMES[plan.decay],
      plan.decay === 'exp' ? `, β = ${plan.beta}` : '',
    );
    // rebuilding the controls would take the focus from the one in use
    const noise = state.functions.every((f) => f.noise !== null);
    const key = JSON.stringify([{ ...plan, budget: null, locks: null }, noise, state.contest?.chosen]);
    if (key === drawn) return;
    drawn = key;
    const focused = document.activeElement?.getAttribute('data-setting');
    body.replaceChildren(...controls(plan, noise, state.contest));
    if (focused) body.querySelector<HTMLElement>(`[data-setting="${focused}"]`)?.focus();
  }

  function controls(plan: Plan, noise: boolean, contest: Contest | null): HTMLElement[] {
    const change = (part: Partial<Plan>): void => {
      if (store.plan) store.commit({ ...store.plan, ...part });
    };
    const widths = WIDTHS.map((width) => {
      const on = plan.widths.includes(width);
      const toggle = h(
        document,
        'button',
        {
          type: 'button',
          class: `width-toggle bits-${width}`,
          'aria-pressed': String(on),
          'data-setting': `width-${width}`,
          'aria-label': t('Allow {0} bits', width),
          title: on ? t('Do not allow {0} bits', width) : t('Allow {0} bits', width),
        },
        width,
      );
      toggle.addEventListener('click', () => {
        const next = on
          ? plan.widths.filter((w) => w !== width)
          : [...plan.widths, width].sort((a, b) => a - b);
        if (next.length > 0) change({ widths: next });
      });
      return toggle;
    });
    const pin = (end: 'first' | 'last'): HTMLElement => {
      const options = [
        { value: 'none', text: t('not pinned') },
        ...[...WIDTHS, 16, 32].map((w) => ({ value: String(w), text: t('{0} bits', w) })),
      ];
      const made = dropdown(
        document,
        end === 'first' ? t('Pin of the first function') : t('Pin of the last function'),
        options,
        String(plan.pins?.[end] ?? 'none'),
        (value) => {
          const pins = { ...plan.pins };
          if (value === 'none') delete pins[end];
          else pins[end] = Number(value) as BitWidth;
          change({ pins: Object.keys(pins).length > 0 ? pins : null });
        },
      );
      made.setAttribute('data-setting', `pin-${end}`);
      return made;
    };
    const rows = [
      row(
        t('Allowed widths'),
        h(
          document,
          'span',
          { class: 'width-toggles', role: 'group', 'aria-label': t('Allowed widths') },
          ...widths,
        ),
      ),
      row(t('First function'), pin('first')),
      row(t('Last function'), pin('last')),
    ];
    rows.unshift(row(t('Objective'), objectiveControl(plan, noise, contest, change)));
    if (effective(plan, contest).objective !== 'uniform') rows.push(...importanceRows(plan, change));
    return rows;
  }

  function objectiveControl(
    plan: Plan,
    noise: boolean,
    contest: Contest | null,
    change: (part: Partial<Plan>) => void,
  ): HTMLElement {
    const offered = OBJECTIVES.filter(
      (name) => name === plan.objective || (name === 'auto' ? contest !== null : noise || !isNoise(name)),
    );
    const made = dropdown(
      document,
      t('Objective'),
      offered.map((value) => ({ value, text: OBJECTIVE_NAMES[value] })),
      plan.objective,
      (value) => {
        const chosen = offered.find((name) => name === value);
        if (chosen) change({ objective: chosen });
      },
    );
    made.setAttribute('data-setting', 'objective');
    return made;
  }

  function importanceRows(plan: Plan, change: (part: Partial<Plan>) => void): HTMLElement[] {
    const decay = dropdown(
      document,
      t('Importance of a function from its γ'),
      DECAYS.map((value) => ({ value, text: DECAY_NAMES[value] })),
      plan.decay,
      (value) => {
        const chosen = DECAYS.find((d) => d === value);
        if (chosen) change({ decay: chosen });
      },
    );
    decay.setAttribute('data-setting', 'decay');
    const rows = [row(t('θ, importance'), decay)];
    if (plan.decay === 'exp') {
      const beta = textField(
        document,
        { label: t('β, steepness'), value: String(plan.beta), size: 8 },
        (text) => {
          const value = Number(text);
          if (text.trim() !== '' && Number.isFinite(value) && value >= 0) change({ beta: value });
          else beta.value = String(plan.beta);
        },
      );
      beta.setAttribute('data-setting', 'beta');
      rows.push(row(t('β, steepness'), beta));
    }
    return rows;
  }

  function row(name: string, control: HTMLElement): HTMLElement {
    return h(
      document,
      'div',
      { class: 'setting' },
      h(document, 'span', { class: 'setting-name', 'aria-hidden': 'true' }, name),
      control,
    );
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}

function runs(widths: readonly BitWidth[]): string {
  const contiguous = widths.length > 2 && widths.every((w, i) => i === 0 || w === widths[i - 1] + 1);
  return contiguous ? `${widths[0]}–${widths[widths.length - 1]}` : widths.join(', ');
}

function pinText({ pins }: Plan): string {
  if (!pins) return t('no pins');
  if (pins.first !== undefined && pins.first === pins.last) return t('first and last at {0}', pins.first);
  const parts = (['first', 'last'] as const).flatMap((end) =>
    pins[end] === undefined
      ? []
      : [end === 'first' ? t('first at {0}', pins[end]) : t('last at {0}', pins[end])],
  );
  return parts.join(', ');
}
