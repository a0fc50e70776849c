/** The head of the page: what the model was, what it becomes, and how far to trust that. (data, document) -> element. */
import { formatSize } from '../src/common/sizes';
import { solverBudget } from '../src/config/budget';
import { formatQuality } from '../src/config/quality';
import type { Certificate } from '../src/core/problem/problem';
import { h } from './dom';
import { formatCount, formatSeconds, plural, significant } from './format';
import { t } from './l10n';
import type { PanelState } from './protocol';
import type { Totals } from './totals';

export interface HeaderData {
  state: PanelState;
  totals: Totals | null;
  solver: Certificate | null;
  /** The page shows something that is not in the config yet. */
  unwritten: boolean;
}

export function title(
  { state, totals, unwritten }: HeaderData,
  document: Document,
  openConfig: () => void,
): HTMLElement {
  const params = state.functions.reduce((sum, f) => sum + f.params, 0);
  const count = state.functions.length;
  const facts = [
    plural(count, t('{0} layer', count), t('{0} layers', count)),
    t('{0} parameters', formatCount(params)),
  ];
  if (totals?.macs != null) facts.push(t('{0} MACs', formatCount(totals.macs)));
  const config = state.config && h(document, 'button', { type: 'button', class: 'link' }, state.config.name);
  config?.addEventListener('click', openConfig);
  return h(
    document,
    'header',
    {},
    h(document, 'h1', {}, state.model.name),
    h(document, 'p', {}, facts.join(' · '), config && ' · ', config, unwritten && t(', changes not written')),
  );
}

/** The few numbers that matter, large. */
export function tiles({ state, totals, solver, unwritten }: HeaderData, document: Document): HTMLElement {
  const tile = (name: string, value: HTMLElement, note: string, title = ''): HTMLElement =>
    h(
      document,
      'div',
      { class: 'tile', title },
      h(document, 'dt', {}, name),
      h(document, 'dd', {}, value, h(document, 'span', { class: 'note' }, note)),
    );
  const change = (before: string, after: string): HTMLElement =>
    h(
      document,
      'span',
      { class: 'change' },
      h(document, 'span', { class: 'before' }, before),
      h(document, 'span', { class: 'arrow', 'aria-label': 'to' }, '→'),
      h(document, 'strong', {}, after),
    );
  const plain = (text: string): HTMLElement => h(document, 'strong', {}, text);
  const made: HTMLElement[] = [];
  if (totals) {
    const ratio = state.model.bytes / totals.sizeBytes;
    const { quality } = state;
    made.push(
      tile(
        t('Size'),
        change(formatSize(state.model.bytes), formatSize(totals.sizeBytes)),
        quality && !unwritten
          ? t('{0}× smaller: the smallest found with {1}', ratio.toFixed(1), formatQuality(quality))
          : t('{0}× smaller', ratio.toFixed(1)),
      ),
      tile(t('Average bits'), plain(totals.averageBits.toFixed(2)), t('per weight')),
    );
    if (totals.bops !== null && totals.floatBops !== null) {
      made.push(
        tile(
          t('BOPs'),
          change(formatCount(totals.floatBops), formatCount(totals.bops)),
          t('{0}× fewer', (totals.floatBops / totals.bops).toFixed(1)),
          t('Bit operations for one sample: MACs × weight bits × {0} activation bits', activationText(state)),
        ),
      );
    }
  } else {
    made.push(tile(t('Size'), plain(formatSize(state.model.bytes)), t('as it is')));
  }
  if (solver)
    made.push(tile(t('Solution'), badge(solver, document), certificateNote(solver), certificate(solver)));
  else if (totals && state.edited?.length) {
    const over = overBudget(state, totals);
    made.push(
      tile(
        t('Solution'),
        h(document, 'strong', { class: over ? 'badge edited over' : 'badge edited' }, t('edited by hand')),
        over ??
          plural(
            state.edited.length,
            t('{0} layer', state.edited.length),
            t('{0} layers', state.edited.length),
          ),
        t('Edited since the solver ran: {0}', state.edited.join(', ')),
      ),
    );
  }
  if (state.scoring) {
    const { provider, samples, seconds, centered, data } = state.scoring;
    const took = seconds === null ? '' : `, ${formatSeconds(seconds)}`;
    const note = `${plural(samples, t('{0} sample', samples), t('{0} samples', samples))}${took}`;
    made.push(
      tile(
        t('Scored on'),
        plain(provider),
        note,
        centered ? t('{0}; Gram matrices centred', data) : t('{0}; Gram matrices not centred', data),
      ),
    );
  }
  return h(document, 'dl', { class: 'tiles' }, ...made);
}

/** How far the bits are over the budget; null where they keep it. */
function overBudget({ settings, model }: PanelState, { averageBits, sizeBytes }: Totals): string | null {
  if (!settings) return null;
  const budget = solverBudget(settings.budget, model.bytes);
  const use = budget.kind === 'averageBits' ? averageBits / budget.bits : sizeBytes / budget.bytes;
  return use > 1 ? t('{0} % over the budget', (100 * (use - 1)).toFixed(1)) : null;
}

function badge(solver: Certificate, document: Document): HTMLElement {
  return h(
    document,
    'strong',
    { class: `badge ${solver.status}`, tabindex: 0, 'aria-label': certificate(solver) },
    solver.status,
  );
}

function certificateNote(solver: Certificate): string {
  return solver.status === 'optimal'
    ? t('in {0}', formatSeconds(solver.milliseconds / 1000))
    : t('gap {0}', significant(solver.gap));
}

/** The solver's certificate in full, for hover and screen readers. */
export function certificate(solver: Certificate): string {
  const proof = solver.status === 'optimal' ? t('Proven optimal') : t('Feasible, not proven optimal');
  return t(
    '{0}: objective {1}, bound {2}, gap {3}, {4}',
    proof,
    significant(solver.objective),
    significant(solver.bound),
    significant(solver.gap),
    formatSeconds(solver.milliseconds / 1000),
  );
}

/** What must not be overlooked: synthetic calibration and whatever the extension warns of. */
export function warnings(state: PanelState, document: Document): HTMLElement | null {
  const texts = [...state.warnings];
  if (state.scoring?.synthetic) {
    texts.unshift(
      t(
        'Synthetic calibration: these bits were chosen from made-up input, not from your data. Score again with real samples before you rely on them.',
      ),
    );
  }
  if (texts.length === 0) return null;
  return h(
    document,
    'div',
    { class: 'warnings', role: 'alert' },
    ...texts.map((text) => h(document, 'p', {}, h(document, 'span', { 'aria-hidden': 'true' }, '⚠ '), text)),
  );
}

function activationText({ functions, activationBits }: PanelState): string {
  const own = functions.map((f) => f.activationBits ?? activationBits);
  const [least, most] = [Math.min(...own), Math.max(...own)];
  return least === most ? String(least) : t('{0} to {1}', least, most);
}
