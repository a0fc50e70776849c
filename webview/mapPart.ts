/** The bit map with its legend, its keyboard and its pointer. */
import { bitMap } from './bitMap';
import { columnAt, columnSpans, type BitMapData, type Span } from './bitMapLayout';
import { h } from './dom';
import { FIXED_WORDS } from './glyphs';
import { t } from './l10n';
import { legend } from './legend';
import { mapData } from './mapData';
import { choose, mapKey } from './mapKeys';
import type { Part } from './part';
import { changesPart } from './changesPart';
import { sizeMap } from './sizeMap';
import type { Store } from './store';
import { checkbox, dropdown } from './toolkit';

const HEIGHT = 236;

export function mapPart(
  store: Store,
  document: Document,
  reveal: (name: string) => void,
): Part & { picture: () => SVGSVGElement | null } {
  const { element, heading, legendRoom, tools, box, room, band, option } = frame(document);
  let spans: Span[] = [];
  let picture: SVGSVGElement | null = null;

  const isAllocated = (): boolean => store.shown.bits.some((b) => b !== null);

  function draw(): void {
    const data = mapData(store, { width: Math.floor(box.clientWidth) || 960, height: HEIGHT });
    if (!data) return;
    heading.textContent = isAllocated() ? t('Bit map') : t('Size of each layer in float');
    spans = columnSpans(isAllocated() ? data : { ...data, columnWidth: 'equal' });
    picture = isAllocated() ? bitMap(data, document) : sizeMap(data, document);
    room.replaceChildren(picture);
    legendRoom.replaceChildren(legendOf(data));
    mark();
  }

  function legendOf({ columns, showDecider, columnWidth }: BitMapData): HTMLElement {
    const fixed = columns.map((c) => c.fixedBy);
    return legend(
      {
        bits: store.shown.bits,
        pins: fixed.filter((f) => f === 'pin').length,
        locks: fixed.filter((f) => f === 'lock').length,
        skipped: store.state?.skipped ?? [],
        decider: showDecider ? store.shown.decider : null,
        area: isAllocated() && columnWidth === 'size',
      },
      document,
    );
  }

  /** Moves the band over the active column and tells a screen reader which it is. */
  function mark(): void {
    const { hovered, active, selected } = store.view;
    const span = spans[hovered >= 0 ? hovered : active];
    band.hidden = !span;
    if (span) {
      const width = Math.max(3, span.width);
      band.style.left = `${span.x + (span.width - width) / 2}px`;
      band.style.width = `${width}px`;
    }
    const f = store.state?.functions[active];
    if (!f || !store.state) return;
    option.textContent = spoken(store, active);
    option.setAttribute('aria-posinset', String(active + 1));
    option.setAttribute('aria-setsize', String(store.state.functions.length));
    option.setAttribute('aria-selected', String(selected.has(f.name)));
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
    if (mapKey(store, event, reveal)) event.preventDefault();
  });
  store.subscribe((change) => {
    if (change === 'active') return mark();
    if (change === 'state' || change === 'view')
      tools.replaceChildren(...(isAllocated() ? viewTools(store, document) : []));
    if (change !== 'frontier') draw();
  });
  element.append(changesPart(store, document).element);
  new ResizeObserver(() => {
    if (store.state && picture && Math.abs(box.clientWidth - picture.clientWidth) > 1) draw();
  }).observe(box);
  return { element, picture: () => picture };
}

function viewTools(store: Store, document: Document): HTMLElement[] {
  const { columnWidth, showDecider } = store.view;
  return [
    checkbox(document, t('What decided'), showDecider, (on) => store.setView({ showDecider: on })),
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
  ];
}

/** A column in words. */
function spoken(store: Store, index: number): string {
  const { name, op } = store.state!.functions[index];
  const bits = store.shown.bits[index];
  const fixedBy = store.fixedBy(index);
  const width = bits === null ? t('not allocated') : t('{0} bits', bits);
  return fixedBy ? `${name}: ${width}, ${FIXED_WORDS[fixedBy]}, ${op}` : `${name}: ${width}, ${op}`;
}

function frame(document: Document) {
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
      'aria-label': t('Bit map: layers in network order'),
      'aria-multiselectable': 'true',
      'aria-orientation': 'horizontal',
      'aria-activedescendant': option.id,
      'aria-describedby': 'ompq-map-keys',
    },
    room,
    band,
    option,
  );
  const keys = t('Arrow keys move, Space selects, 2 to 8 lock at that width, L locks or unlocks.');
  const element = h(
    document,
    'section',
    { class: 'card map', 'aria-labelledby': 'ompq-map-title' },
    h(document, 'div', { class: 'card-head' }, heading, legendRoom, tools),
    box,
    h(document, 'p', { id: 'ompq-map-keys', class: 'sr-only' }, keys),
  );
  return { element, heading, legendRoom, tools, box, room, band, option };
}
