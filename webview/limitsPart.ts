/** The limits beside the budget: each with what the bits on show use of it, to change, to remove, and to add. */
import { formatLimit, LIMIT_KINDS, parseLimit, type LimitKind } from '../src/config/limits';
import { h } from './dom';
import { LIMIT_TEXTS } from './limitTexts';
import type { Part } from './part';
import type { Store } from './store';
import { button, dropdown, textField } from './toolkit';
import { stateUses } from './totals';
import { t } from './l10n';

const ADD = 'add';

export function limitsPart(store: Store, document: Document): Part {
  const list = h(document, 'div', { class: 'limit-rows' });
  const adder = h(document, 'div', { class: 'limit-add' });
  const element = h(
    document,
    'div',
    { class: 'limits', role: 'group', 'aria-label': t('Limits') },
    list,
    adder,
  );
  let drawn = '';

  function change(kind: LimitKind, value: number | null): void {
    const { plan } = store;
    if (!plan) return;
    const { [kind]: _old, ...others } = plan.limits ?? {};
    store.commit({ ...plan, limits: value === null ? others : { ...others, [kind]: value } });
  }

  function draw(): void {
    const { plan, state, shown } = store;
    if (!plan || !state) return;
    const limits = plan.limits ?? {};
    const uses = stateUses(state, shown.bits);
    const key = JSON.stringify([limits, uses]);
    if (key === drawn) return;
    drawn = key;
    const focused = document.activeElement?.getAttribute('data-limit');
    const kinds = LIMIT_KINDS.filter((kind) => limits[kind] !== undefined);
    list.replaceChildren(...kinds.map((kind) => row(kind, limits[kind]!, uses[kind])));
    // What cannot be counted cannot be limited, and what the budget limits needs no second limit.
    const more = LIMIT_KINDS.filter(
      (kind) =>
        limits[kind] === undefined && uses[kind] !== null && kind !== 'bytes' && !(kind in plan.budget),
    );
    const choices = [
      { value: ADD, text: t('Add a limit…') },
      ...more.map((kind) => ({ value: kind, text: LIMIT_TEXTS[kind] })),
    ];
    const made = dropdown(document, t('Add a limit'), choices, ADD, (value) => {
      const kind = more.find((each) => each === value);
      // A limit that is just kept: from there on it is lowered.
      if (kind) change(kind, startOf(kind, uses[kind]!));
    });
    adder.replaceChildren(more.length > 0 ? made : '');
    if (focused) element.querySelector<HTMLElement>(`[data-limit="${focused}"]`)?.focus();
  }

  function row(kind: LimitKind, limit: number, used: number | null): HTMLElement {
    const name = LIMIT_TEXTS[kind];
    const text = formatLimit(kind, limit);
    const field = textField(document, { label: t('Limit on {0}', name), value: text, size: 10 }, (typed) => {
      const value = parseLimit(kind, typed);
      if (value === null) field.value = text;
      else change(kind, value);
    });
    field.setAttribute('data-limit', kind);
    const isOver = used !== null && used > limit * (1 + 1e-9);
    return h(
      document,
      'div',
      { class: 'limit' },
      h(document, 'span', { class: 'limit-name', 'aria-hidden': 'true' }, name),
      field,
      h(
        document,
        'span',
        { class: isOver ? 'limit-use over' : 'limit-use' },
        used === null ? '' : t('{0} used', formatLimit(kind, used)),
      ),
      button(
        document,
        { look: 'secondary', label: t('Remove the limit on {0}', name) },
        () => change(kind, null),
        t('Remove'),
      ),
    );
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}

/** What is used, rounded up to three digits. */
function startOf(kind: LimitKind, used: number): number {
  const step = 10 ** (Math.floor(Math.log10(Math.max(used, 1e-12))) - 2);
  const value = Number((Math.ceil(used / step) * step).toPrecision(4));
  return kind === 'bops' || kind === 'activationBytes' ? Math.ceil(value) : value;
}
