/** The curve of all sizes over the slider of the budget, which shares its edges. */
import { h } from './dom';
import { plural } from './format';
import { t } from './l10n';
import { effective, isNoise } from './objective';
import { pareto, PARETO_MARGIN } from './pareto';
import type { Part } from './part';
import type { Frontier } from './solver';
import type { Store } from './store';

/** @param slider lies under the curve; @param hint takes a sentence on what the curve is made of */
export function curvePart(
  store: Store,
  document: Document,
  { slider, hint }: { slider: HTMLElement; hint: HTMLElement },
): Part {
  const element = h(document, 'div', { class: 'curve' });

  function draw(): void {
    const { range, shown, frontier, plan, state } = store;
    if (!range) return;
    const width = Math.max(200, Math.floor(element.clientWidth) || 480);
    const { totals, worth } = shown;
    element.replaceChildren(
      pareto(
        {
          frontier,
          current: totals && worth !== null ? { sizeBytes: totals.sizeBytes, objective: worth } : null,
          isNoise: plan !== null && isNoise(effective(plan, state?.contest ?? null).objective),
          range,
          width,
          height: element.clientHeight || 250,
        },
        document,
      ),
    );
    hint.textContent = frontier ? curveHint(frontier) : t('computing the curve…');
    slider.style.marginLeft = `${PARETO_MARGIN.left - 8}px`;
    slider.style.width = `${width - PARETO_MARGIN.left - PARETO_MARGIN.right + 16}px`;
  }

  store.subscribe((change) => {
    if (change === 'frontier' || change === 'solution' || change === 'state') draw();
  });
  new ResizeObserver(() => draw()).observe(element);
  return { element };
}

function curveHint({ size, isComplete, isSampled }: Frontier): string {
  const n = size.length;
  if (isSampled) return plural(n, t('{0} size within the limits', n), t('{0} sizes within the limits', n));
  return isComplete
    ? plural(n, t('all {0} distinct optimum', n), t('all {0} optima', n))
    : plural(n, t('{0} optimum on the convex hull', n), t('{0} optima on the convex hull', n));
}
