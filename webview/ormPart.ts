/** The ORM matrix with its scale, and the pair under the pointer or the arrow keys. */
import { stageRuns } from './bitMap';
import { h } from './dom';
import { ormCellAt, ormMatrix, ormScale, unscaled, type OrmScale } from './ormMatrix';
import { heatColour } from './palette';
import { resolution, type Part } from './mapPart';
import type { Store } from './store';
import { currentTheme } from './theme';
import { t } from './l10n';

const LARGEST = 620;

export function ormPart(store: Store, document: Document): Part & { redraw: () => void } {
  const room = h(document, 'div', {
    class: 'orm-room',
    role: 'application',
    tabindex: 0,
    'aria-roledescription': t('heat map'),
    'aria-label': t('Orthogonality matrix: arrow keys move between pairs of functions'),
  });
  const readout = h(document, 'p', { class: 'readout', 'aria-live': 'polite' });
  const legend = h(document, 'div', { class: 'heat-legend' });
  const element = h(
    document,
    'section',
    { class: 'card orm', 'aria-labelledby': 'ompq-orm-title' },
    h(
      document,
      'div',
      { class: 'card-head' },
      h(document, 'h2', { id: 'ompq-orm-title' }, t('Orthogonality')),
      h(document, 'span', { class: 'hint' }, t('ORM of every two functions: 0 orthogonal, 1 the same')),
    ),
    room,
    h(document, 'div', { class: 'orm-foot' }, legend, readout),
  );
  let scale: OrmScale = { low: 0, power: 1 };
  let cursor: [number, number] | null = null;

  const size = (): number => Math.max(160, Math.min(LARGEST, Math.floor(room.clientWidth)));

  function draw(): void {
    const { state, view } = store;
    element.hidden = !state?.orm;
    if (!state?.orm) return;
    const style = getComputedStyle(document.body);
    const colour = (name: string, fallback: string): string =>
      style.getPropertyValue(name).trim() || fallback;
    const { functions, orm } = state;
    room.replaceChildren(
      ormMatrix(
        {
          orm,
          count: functions.length,
          scale,
          stages: stageRuns(functions).map((run) => ({
            ...run,
            label: resolution(functions[run.from]),
          })),
          theme: currentTheme(document.body),
          ink: colour('--vscode-foreground', '#888'),
          paper: colour('--vscode-editor-background', '#000'),
          font: `11px ${colour('--vscode-font-family', 'sans-serif')}`,
          size: size(),
          pixelRatio: document.defaultView?.devicePixelRatio ?? 1,
          selected: [...view.selected].map((name) => store.indexOf(name)),
          cursor,
        },
        document,
      ),
    );
    read();
  }

  function drawLegend(): void {
    const colour = heatColour(currentTheme(document.body));
    const strip = h(document, 'canvas', { width: 160, height: 10, 'aria-hidden': 'true' });
    const context = strip.getContext('2d');
    for (let x = 0; x < 160 && context; x++) {
      context.fillStyle = `rgb(${colour(x / 159).join(' ')})`;
      context.fillRect(x, 0, 1, 10);
    }
    const ticks = [0, 0.5, 1].map((t) => h(document, 'span', {}, unscaled(scale, t).toFixed(2)));
    ticks[0].prepend(scale.low > 0 ? '≤ ' : '');
    legend.replaceChildren(strip, h(document, 'div', { class: 'heat-ticks' }, ...ticks));
  }

  function read(): void {
    const { state } = store;
    if (!state?.orm) return;
    const pair = cursor;
    if (!pair) {
      readout.textContent = t('Point at a cell to read it.');
      return;
    }
    const [row, column] = pair;
    const value = state.orm[row * state.functions.length + column];
    readout.replaceChildren(
      h(document, 'strong', {}, value.toFixed(4)),
      ` ${state.functions[row].name} × ${state.functions[column].name}`,
    );
  }

  function point(pair: [number, number] | null): void {
    if (pair?.[0] === cursor?.[0] && pair?.[1] === cursor?.[1]) return;
    cursor = pair;
    draw();
  }

  room.addEventListener('pointermove', (event) => {
    const box = room.getBoundingClientRect();
    point(
      ormCellAt(
        size(),
        store.state?.functions.length ?? 0,
        event.clientX - box.left,
        event.clientY - box.top,
      ),
    );
  });
  room.addEventListener('pointerleave', () => point(null));
  room.addEventListener('click', () => {
    if (cursor && store.state) store.select([store.state.functions[cursor[0]].name], cursor[0]);
  });
  room.addEventListener('keydown', (event) => {
    const moves: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const move = moves[event.key];
    const count = store.state?.functions.length ?? 0;
    if (!move || count === 0) return;
    event.preventDefault();
    const [row, column] = cursor ?? [Math.max(0, store.view.active), 0];
    const keep = (value: number): number => Math.min(count - 1, Math.max(0, value));
    point(cursor ? [keep(row + move[0]), keep(column + move[1])] : [row, column]);
  });

  store.subscribe((change) => {
    if (change === 'state' && store.state?.orm) {
      scale = ormScale(store.state.orm, store.state.functions.length);
      cursor = null;
      drawLegend();
    }
    if (change === 'state' || change === 'selection') draw();
  });
  new ResizeObserver(() => draw()).observe(room);
  return {
    element,
    redraw() {
      drawLegend();
      draw();
    },
  };
}
