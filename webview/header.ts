/** The head of the page: what the model is, what must not be overlooked, and how sure the solution is. (data, document) -> element. */
import { formatAverage } from '../src/common/sizes';
import { formatBudget, solverBudget } from '../src/config/budget';
import { type MeasuredFile, remedyOf } from '../src/config/measured';
import type { Proof } from '../src/core/problem/problem';
import { h } from './dom';
import { formatCount, plural, significant } from './format';
import { t } from './l10n';
import { OBJECTIVE_NAMES } from './settingTexts';
import type { PanelState } from './protocol';
import { headline, type MeasuredBits } from './quality';
import type { Totals } from './totals';
import type { Objective } from '../src/core/allocation/objectives';

export interface HeaderData {
  state: PanelState;
  totals: Totals | null;
  solver: Proof | null;
  measured: MeasuredBits | null;
  /** What made the bits. */
  objective: Objective | null;
  /** The bits were found by trying swaps on the data, not by solving. */
  isImproved: boolean;
  /** The settings have no solution: the bits shown are older. */
  problem: boolean;
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
  const layers = h(
    document,
    'span',
    { title: t('A layer counts with its bias and activation: the paper calls that a function.') },
    plural(count, t('{0} layer', count), t('{0} layers', count)),
  );
  const facts = [t('{0} parameters', formatCount(params))];
  if (totals?.macs != null) facts.push(t('{0} MACs', formatCount(totals.macs)));
  const config = state.config && h(document, 'button', { type: 'button', class: 'link' }, state.config.name);
  config?.addEventListener('click', openConfig);
  return h(
    document,
    'header',
    {},
    h(document, 'h1', {}, state.model.name),
    h(
      document,
      'p',
      {},
      layers,
      ` · ${facts.join(' · ')}`,
      config && ' · ',
      config,
      unwritten && ` · ${t('changes not written')}`,
    ),
  );
}

/** In one line under the numbers: how the bits were found, and whether better ones are possible by that objective. */
export function footnote(data: HeaderData, document: Document): HTMLElement | null {
  const { state, totals, solver, objective, problem } = data;
  if (!totals || problem) return null;
  if (solver && objective) {
    const name = OBJECTIVE_NAMES[objective];
    const text = data.isImproved
      ? t('Found by trying changes on your data, starting from “{0}”.', name)
      : solver.status === 'optimal'
        ? t('Proven optimal for “{0}”.', name)
        : t('Found for “{0}”, not proven optimal: gap {1}.', name, significant(solver.gap));
    return h(document, 'p', { class: `footnote ${solver.status}`, title: certificate(solver) }, text);
  }
  if (!state.edited?.length) return null;
  const count = state.edited.length;
  const over = overBudget(state, totals);
  const edited = plural(count, t('{0} layer edited by hand', count), t('{0} layers edited by hand', count));
  return h(
    document,
    'p',
    {
      class: over ? 'footnote edited over' : 'footnote edited',
      title: t('Edited since the solver ran: {0}', state.edited.join(', ')),
    },
    over ? `${edited}: ${over}` : edited,
  );
}

/** How far the bits are over the budget; null where they keep it. */
function overBudget({ settings, model }: PanelState, { averageBits, sizeBytes }: Totals): string | null {
  if (!settings) return null;
  const budget = solverBudget(settings.budget, model.bytes);
  const use = budget.kind === 'averageBits' ? averageBits / budget.bits : sizeBytes / budget.bytes;
  return use > 1 ? t('{0} % over the budget', (100 * (use - 1)).toFixed(1)) : null;
}

/** The solver's certificate in full. */
export function certificate(solver: Proof): string {
  const facts = [solver.objective, solver.bound, solver.gap].map(significant);
  return solver.status === 'optimal'
    ? t('Proven optimal: objective {0}, bound {1}, gap {2}', ...facts)
    : t('Feasible, not proven optimal: objective {0}, bound {1}, gap {2}', ...facts);
}

/** What must not be overlooked: poor quality with what mends it, synthetic calibration, whatever the extension warns of. */
export function warnings(
  { state, totals, measured, problem }: HeaderData,
  document: Document,
  use: (entry: MeasuredFile) => HTMLElement,
): HTMLElement | null {
  const made: HTMLElement[] = [];
  const warn = (text: string, ...more: HTMLElement[]): void => {
    const sign = h(document, 'span', { 'aria-hidden': 'true' }, '⚠ ');
    made.push(h(document, 'p', {}, h(document, 'span', {}, sign, text), ...more));
  };
  if (measured?.verdict === 'poor' && totals && !problem) {
    const remedy = remedyOf(state.contest, totals.sizeBytes);
    const bits = formatAverage(totals.averageBits);
    if (remedy) {
      const better = formatBudget({ averageBits: Number(formatAverage(remedy.averageBits)) });
      warn(
        t(
          'Too few bits. At {0} bits on average: {1}. At {2}: {3}.',
          bits,
          headline(measured),
          better,
          headline(remedy),
        ),
        use(remedy),
      );
    } else {
      warn(
        t(
          'Too few bits. At {0} bits on average: {1}. No larger file that was measured is good: allow more than that, or give other samples.',
          bits,
          headline(measured),
        ),
      );
    }
  }
  if (state.scoring?.synthetic) {
    warn(
      t(
        'Synthetic calibration: these bits were chosen from made-up input, not from your data. Score again with real samples before you rely on them.',
      ),
    );
  }
  for (const text of state.warnings) warn(text);
  return made.length === 0 ? null : h(document, 'div', { class: 'warnings', role: 'alert' }, ...made);
}
