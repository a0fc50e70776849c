/** The bit map with its legend, its keyboard and its pointer. */
import { bitMap, columnAt, columnSpans, type BitMapColumn, type BitMapData, type Span } from './bitMap';
import type { FixedBy } from '../src/core/problem';
import { h } from './dom';
import { formatShape } from './format';
import { FIXED_WORDS } from './glyphs';
import { legend } from './legend';
import type { PanelFunction } from './protocol';
import { sizeMap } from './sizeMap';
import type { Store } from './store';
import { checkbox, dropdown } from './toolkit';
import type { BitWidth } from '../src/core/widths';
import { t } from './l10n';

const HEIGHT = 236;

export interface Part {
  element: HTMLElement;
}

export function mapPart(
  store: Store,
  document: Document,
  reveal: (name: string) => void,
): Part & { picture: () => SVGSVGElement | null } {
  const heading = h(document, 'h2', { id: 'ompq-map-title' });
  const legendRoom = h(document, 'div', { class: 'legend-room' });
  const tools = h(document, 'div', { class: 'tools' });
  const room = h(document, 'div', { class: 'map-room' });
  const band = h(document, 'div', { class: 'band', hidden: true });
  const option = h(document, 'div', { role: 'option', id: 'ompq-active-function', class: 'sr-only' });
  const box = h(
    document,
    'div',
    {
      class: 'map-box',
      role: 'listbox',
      tabindex: 0,
      'aria-label': t('Bit map: functions in network order'),
      'aria-multiselectable': 'true',
      'aria-orientation': 'horizontal',
      'aria-activedescendant': option.id,
      'aria-describedby': 'ompq-map-keys',
    },
    room,
    band,
    option,
  );
  const element = h(
    document,
    'section',
    { class: 'card map', 'aria-labelledby': 'ompq-map-title' },
    h(document, 'div', { class: 'card-head' }, heading, legendRoom, tools),
    box,
    h(
      document,
      'p',
      { id: 'ompq-map-keys', class: 'sr-only' },
      t('Arrow keys move, Space selects, 2 to 8 lock at that width, L locks or unlocks.'),
    ),
  );

  let spans: Span[] = [];
  let picture: SVGSVGElement | null = null;

  function drawTools(): void {
    const { columnWidth, showImportance } = store.view;
    const scored = store.shown.bits.some((b) => b !== null);
    tools.replaceChildren(
      ...(scored
        ? [
            checkbox(document, t('Importance'), showImportance, (on) =>
              store.setView({ showImportance: on }),
            ),
            dropdown(
              document,
              t('Column width'),
              [
                { value: 'equal', text: t('Equal columns') },
                { value: 'size', text: t('Columns by size') },
              ],
              columnWidth,
              (value) => store.setView({ columnWidth: value === 'size' ? 'size' : 'equal' }),
            ),
          ]
        : []),
    );
  }

  function draw(): void {
    const data = mapData(store, Math.floor(box.clientWidth) || 960, HEIGHT);
    if (!data) return;
    const allocated = store.shown.bits.some((b) => b !== null);
    heading.textContent = allocated ? t('Bit map') : t('Size of each function in float');
    spans = columnSpans(allocated ? data : { ...data, columnWidth: 'equal' });
    picture = allocated ? bitMap(data, document) : sizeMap(data, document);
    room.replaceChildren(picture);
    const fixed = data.columns.map((c) => c.fixedBy);
    legendRoom.replaceChildren(
      legend(
        {
          bits: store.shown.bits,
          pins: fixed.filter((f) => f === 'pin').length,
          locks: fixed.filter((f) => f === 'lock').length,
          skipped: data.skipped,
          importance: data.showImportance && data.columns.some((c) => c.importance !== null),
          area: allocated && data.columnWidth === 'size',
        },
        document,
      ),
    );
    mark();
  }

  /** Moves the band over the active column and tells a screen reader which it is. */
  function mark(): void {
    const { hovered, active } = store.view;
    const index = hovered >= 0 ? hovered : active;
    const span = spans[index];
    band.hidden = !span;
    if (span) {
      const width = Math.max(3, span.width);
      band.style.left = `${span.x + (span.width - width) / 2}px`;
      band.style.width = `${width}px`;
    }
    const f = store.state?.functions[active];
    if (!f || !store.state) return;
    option.textContent = spoken(f, store.shown.bits[active], store.fixedBy(active));
    option.setAttribute('aria-posinset', String(active + 1));
    option.setAttribute('aria-setsize', String(store.state.functions.length));
    option.setAttribute('aria-selected', String(store.view.selected.has(f.name)));
  }

  const at = (event: MouseEvent): number => columnAt(spans, event.clientX - box.getBoundingClientRect().left);
  box.addEventListener('pointermove', (event) => store.hover(at(event)));
  box.addEventListener('pointerleave', () => store.hover(-1));
  box.addEventListener('click', (event) => {
    const index = at(event);
    if (index >= 0)
      choose(store, index, { add: event.ctrlKey || event.metaKey, extend: event.shiftKey }, reveal);
  });
  box.addEventListener('focus', () => {
    if (store.view.active < 0 && store.state?.functions.length) store.activate(0);
  });
  box.addEventListener('keydown', (event) => {
    if (handleKey(store, event, reveal)) event.preventDefault();
  });

  store.subscribe((change) => {
    if (change === 'active') return mark();
    if (change === 'state' || change === 'view') drawTools();
    if (change !== 'frontier') draw();
  });
  new ResizeObserver(() => {
    if (store.state && picture && Math.abs(box.clientWidth - picture.clientWidth) > 1) draw();
  }).observe(box);
  return { element, picture: () => picture };
}

/** The data of the picture under what the store shows; null before there is a state. */
export function mapData(store: Store, width: number, height: number): BitMapData | null {
  const { state, shown, view } = store;
  if (!state) return null;
  const columns = state.functions.map((f, i): BitMapColumn => ({
    name: f.name,
    bits: shown.bits[i] ?? null,
    floatBytes: f.bytes[32] ?? f.params * 4,
    importance: shown.weights ? shown.weights.weight[i] : null,
    fixedBy: store.fixedBy(i),
    stage: f.stage,
    resolution: resolution(f),
  }));
  return {
    columns,
    skipped: state.skipped,
    columnWidth: view.columnWidth,
    showImportance: view.showImportance,
    width,
    height,
    selected: view.selected,
  };
}

/** "56 × 56" of [1, 64, 56, 56]; '' where there is nothing spatial. */
export function resolution(f: PanelFunction): string {
  return f.shape && f.shape.length >= 4 ? formatShape(f.shape.slice(2)) : '';
}

function spoken(f: PanelFunction, bits: BitWidth | null, fixedBy: FixedBy | null): string {
  const width = bits === null ? t('not allocated') : t('{0} bits', bits);
  return `${f.name}: ${width}${fixedBy ? `, ${FIXED_WORDS[fixedBy]}` : ''}, ${f.op}`;
}

/** A click, or Space on the keyboard cursor. */
export function choose(
  store: Store,
  index: number,
  how: { add: boolean; extend: boolean },
  reveal: (name: string) => void,
): void {
  const functions = store.state?.functions ?? [];
  const { name } = functions[index];
  const { selected, active } = store.view;
  if (how.extend && active >= 0) {
    const [from, to] = [Math.min(active, index), Math.max(active, index)];
    store.select([...selected, ...functions.slice(from, to + 1).map((f) => f.name)]);
  } else if (how.add) {
    const next = new Set(selected);
    if (!next.delete(name)) next.add(name);
    store.select(next, index);
  } else {
    store.select([name], index);
    reveal(name);
  }
}

/** Keys that map and table share once a function is active. */
function handleKey(store: Store, event: KeyboardEvent, reveal: (name: string) => void): boolean {
  const count = store.state?.functions.length ?? 0;
  const { active } = store.view;
  const steps: Record<string, number> = {
    ArrowLeft: active - 1,
    ArrowRight: active + 1,
    ArrowUp: active - 1,
    ArrowDown: active + 1,
    PageUp: active - 10,
    PageDown: active + 10,
    Home: 0,
    End: count - 1,
  };
  if (count === 0) return false;
  if (event.key in steps) {
    const index = Math.min(count - 1, Math.max(0, steps[event.key]));
    if (event.shiftKey) choose(store, index, { add: false, extend: true }, reveal);
    store.activate(index);
    return true;
  }
  if (active < 0) return false;
  if (event.key === ' ' || event.key === 'Enter') {
    choose(store, active, { add: event.ctrlKey || event.metaKey, extend: event.shiftKey }, reveal);
    return true;
  }
  return changeKey(store, event);
}

/** Digits lock the selection (or the active function) at a width, L locks or unlocks it. */
export function changeKey(store: Store, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || !store.plan || !store.state) return false;
  const { selected, active } = store.view;
  const names = selected.size > 0 ? [...selected] : active >= 0 ? [store.state.functions[active].name] : [];
  if (names.length === 0) return false;
  if (/^[2-8]$/.test(event.key)) {
    store.lock(names, Number(event.key) as BitWidth);
    return true;
  }
  if (event.key.toLowerCase() === 'l') {
    const { locks } = store.plan;
    if (names.every((name) => Object.hasOwn(locks, name))) store.unlock(names);
    else store.lock(names, null);
    return true;
  }
  return false;
}
