/** The card of the function under the pointer, or else of the keyboard cursor. */
import type { BitWidth } from '../src/core/problem/widths';
import { details } from './details';
import { h } from './dom';
import type { Part } from './part';
import type { Store } from './store';

export function detailsPart(store: Store, document: Document): Part {
  const element = h(document, 'div', { class: 'details-room' });

  function draw(): void {
    const { state, shown, plan, view } = store;
    if (!state || state.functions.length === 0) return element.replaceChildren();
    const index = view.hovered >= 0 ? view.hovered : view.active;
    const f = state.functions[index];
    if (!f) return;
    const focused = document.activeElement;
    const at = focused ? [...element.querySelectorAll('button')].indexOf(focused as HTMLButtonElement) : -1;
    const bits = shown.bits[index] ?? null;
    const widths = (plan?.widths ?? [2, 3, 4, 5, 6, 7, 8]).filter((w) => f.bytes[w] !== undefined);
    if (bits !== null && !widths.includes(bits)) widths.push(bits);
    element.replaceChildren(
      details(
        {
          function: f,
          index,
          count: state.functions.length,
          bits,
          importance: shown.weights ? shown.weights.weight[index] : null,
          fixedBy: store.fixedBy(index),
          tied: (state.ties.find((tie) => tie.includes(index)) ?? [])
            .filter((i) => i !== index)
            .map((i) => state.functions[i].name),
          widths: widths.sort((a, b) => a - b),
          total: shown.totals?.sizeBytes ?? null,
        },
        document,
        plan
          ? (chosen: BitWidth | null) =>
              chosen === null ? store.unlock([f.name]) : store.lock([f.name], chosen)
          : undefined,
      ),
    );
    if (at >= 0) element.querySelectorAll('button')[at]?.focus();
  }

  store.subscribe((change) => {
    if (change !== 'view' && change !== 'frontier') draw();
  });
  return { element };
}
