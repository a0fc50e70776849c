/** The curve of all sizes over the slider of the budget, which shares its edges. */
import type { Contest } from '../src/config/types';
import { winnerOf } from '../src/config/winner';
import { formatSize } from '../src/common/sizes';
import { budgetAt } from './budgetUnits';
import { h } from './dom';
import { plural } from './format';
import { t } from './l10n';
import { effective, isNoise } from './objective';
import { pareto, PARETO_MARGIN } from './pareto';
import type { Part } from './part';
import { mark } from './quality';
import type { Frontier } from './solver';
import type { Store } from './store';

/** @param slider lies under the curve; @param hint takes a sentence on what the curve is made of */
export function curvePart(
  store: Store,
  document: Document,
  { slider, hint }: { slider: HTMLElement; hint: HTMLElement },
): Part {
  const element = h(document, 'div', { class: 'curve' });
  const readout = h(document, 'span', { class: 'curve-readout', 'aria-hidden': 'true', hidden: true });

  function draw(): void {
    const { range, shown, frontier, plan, state } = store;
    if (!range) return;
    const width = Math.max(200, Math.floor(element.clientWidth) || 480);
    const { totals, objectiveValue } = shown;
    element.replaceChildren(
      pareto(
        {
          frontier,
          current:
            totals && objectiveValue !== null
              ? { sizeBytes: totals.sizeBytes, objective: objectiveValue }
              : null,
          isOnCurve: !store.isImproved,
          measured: measuredSizes(state?.contest ?? null),
          isNoise: plan !== null && isNoise(effective(plan, state?.contest ?? null).objective),
          range,
          width,
          height: element.clientHeight || 250,
        },
        document,
      ),
      readout,
    );
    hint.textContent = frontier ? curveHint(frontier) : t('computing the curve…');
    slider.style.marginLeft = `${PARETO_MARGIN.left - 8}px`;
    slider.style.width = `${width - PARETO_MARGIN.left - PARETO_MARGIN.right + 16}px`;
  }

  /** Bytes under the pointer; null beside the curve. */
  function bytesAt(event: MouseEvent): number | null {
    const { range } = store;
    const { left, width } = element.getBoundingClientRect();
    const room = width - PARETO_MARGIN.left - PARETO_MARGIN.right;
    const share = (event.clientX - left - PARETO_MARGIN.left) / room;
    return range && share >= 0 && share <= 1
      ? range.smallest + share * (range.largest - range.smallest)
      : null;
  }
  element.addEventListener('pointermove', (event) => {
    const bytes = bytesAt(event);
    readout.hidden = bytes === null;
    if (bytes === null) return;
    readout.textContent = t('Click: budget of {0}', formatSize(Math.round(bytes)));
    readout.style.left = `${event.clientX - element.getBoundingClientRect().left}px`;
  });
  element.addEventListener('pointerleave', () => (readout.hidden = true));
  element.addEventListener('click', (event) => {
    const bytes = bytesAt(event);
    const { plan, range, state, view } = store;
    if (bytes === null || !plan || !range || !state) return;
    store.commit({ ...plan, budget: budgetAt(bytes, view.budgetUnit, range, state.model.bytes) });
  });

  store.subscribe((change) => {
    if (change === 'frontier' || change === 'solution' || change === 'state') draw();
  });
  new ResizeObserver(() => draw()).observe(element);
  return { element };
}

/** What the contest and its larger sizes measured. */
function measuredSizes(contest: Contest | null): { sizeBytes: number; text: string }[] {
  const chosen = winnerOf(contest);
  return [...(chosen ? [chosen] : []), ...(contest?.curve ?? [])].map((entry) => ({
    sizeBytes: entry.bytes,
    text: mark(entry),
  }));
}

function curveHint({ size, isComplete, isSampled }: Frontier): string {
  const n = size.length;
  if (isSampled) return plural(n, t('{0} size within the limits', n), t('{0} sizes within the limits', n));
  return isComplete
    ? plural(n, t('{0} size with its best bits', n), t('all {0} sizes, each with its best bits', n))
    : plural(n, t('{0} size with its best bits', n), t('{0} of the sizes, each with its best bits', n));
}
