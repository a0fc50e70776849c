/** The head of the page: what the model was, what it becomes, and how far to trust that. (data, document) -> element. */
import { formatSize, solverBudget } from '../src/config/budget';
import { formatQuality } from '../src/config/quality';
import type { Certificate } from '../src/core/problem';
import { h } from './dom';
import { formatCount, formatSeconds, plural, significant } from './format';
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
  const facts = [plural(state.functions.length, 'function'), `${formatCount(params)} parameters`];
  if (totals?.macs != null) facts.push(`${formatCount(totals.macs)} MACs`);
  const config = state.config && h(document, 'button', { type: 'button', class: 'link' }, state.config.name);
  config?.addEventListener('click', openConfig);
  return h(
    document,
    'header',
    {},
    h(document, 'h1', {}, state.model.name),
    h(document, 'p', {}, facts.join(' · '), config && ' · ', config, unwritten && ', changes not written'),
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
        'Size',
        change(formatSize(state.model.bytes), formatSize(totals.sizeBytes)),
        `${ratio.toFixed(1)}× smaller${quality && !unwritten ? `: the smallest found with ${formatQuality(quality)}` : ''}`,
      ),
      tile('Average bits', plain(totals.averageBits.toFixed(2)), 'per weight'),
    );
    if (totals.bops !== null && totals.floatBops !== null) {
      made.push(
        tile(
          'BOPs',
          change(formatCount(totals.floatBops), formatCount(totals.bops)),
          `${(totals.floatBops / totals.bops).toFixed(1)}× fewer`,
          `Bit operations for one sample: MACs × weight bits × ${activationText(state)} activation bits`,
        ),
      );
    }
  } else {
    made.push(tile('Size', plain(formatSize(state.model.bytes)), 'as it is'));
  }
  if (solver)
    made.push(tile('Solution', badge(solver, document), certificateNote(solver), certificate(solver)));
  else if (totals && state.edited?.length) {
    const over = overBudget(state, totals);
    made.push(
      tile(
        'Solution',
        h(document, 'strong', { class: over ? 'badge edited over' : 'badge edited' }, 'edited by hand'),
        over ?? plural(state.edited.length, 'function'),
        `Edited since the solver ran: ${state.edited.join(', ')}`,
      ),
    );
  }
  if (state.scoring) {
    const { provider, samples, seconds, centered, data } = state.scoring;
    const took = seconds === null ? '' : `, ${formatSeconds(seconds)}`;
    const note = `${plural(samples, 'sample')}${took}`;
    made.push(
      tile('Scored on', plain(provider), note, `${data}; Gram matrices ${centered ? '' : 'not '}centred`),
    );
  }
  return h(document, 'dl', { class: 'tiles' }, ...made);
}

/** How far the bits are over the budget; null where they keep it. */
function overBudget({ settings, model }: PanelState, { averageBits, sizeBytes }: Totals): string | null {
  if (!settings) return null;
  const budget = solverBudget(settings.budget, model.bytes);
  const use = budget.kind === 'averageBits' ? averageBits / budget.bits : sizeBytes / budget.bytes;
  return use > 1 ? `${(100 * (use - 1)).toFixed(1)} % over the budget` : null;
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
    ? `in ${formatSeconds(solver.milliseconds / 1000)}`
    : `gap ${significant(solver.gap)}`;
}

/** The solver's certificate in full, for hover and screen readers. */
export function certificate(solver: Certificate): string {
  const proof = solver.status === 'optimal' ? 'Proven optimal' : 'Feasible, not proven optimal';
  return `${proof}: objective ${significant(solver.objective)}, bound ${significant(solver.bound)}, gap ${significant(solver.gap)}, ${formatSeconds(solver.milliseconds / 1000)}`;
}

/** What must not be overlooked: synthetic calibration and whatever the extension warns of. */
export function warnings(state: PanelState, document: Document): HTMLElement | null {
  const texts = [...state.warnings];
  if (state.scoring?.synthetic) {
    texts.unshift(
      'Synthetic calibration: these bits were chosen from made-up input, not from your data. Score again with real samples before you rely on them.',
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
  return least === most ? String(least) : `${least} to ${most}`;
}
