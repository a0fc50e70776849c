/** The ORM matrix with its scale, and the pair under the pointer or the arrow keys. */
import { stageRuns } from './bitMapLayout';
import { h } from './dom';
import { t } from './l10n';
import { resolution } from './mapData';
import { ormCellAt, ormMatrix, ormScale, type OrmMatrixData, type OrmScale } from './ormMatrix';
import { heatLegend, ormFrame } from './ormView';
import type { Part } from './part';
import type { Store } from './store';
import { currentTheme } from './theme';

const LARGEST = 620;

type Pair = [number, number];

export function ormPart(store: Store, document: Document): Part & { redraw: () => void } {
  const { element, room, readout, legend } = ormFrame(document);
  let scale: OrmScale = { low: 0, power: 1 };
  let cursor: Pair | null = null;

  const size = (): number => Math.max(160, Math.min(LARGEST, Math.floor(room.clientWidth)));
  const drawLegend = (): void => legend.replaceChildren(...heatLegend(scale, document));

  function draw(): void {
    const { state, view } = store;
    element.hidden = !state?.orm;
    if (!state?.orm) return;
    const { functions, orm } = state;
    const data: OrmMatrixData = {
      ...colours(document),
      orm,
      count: functions.length,
      scale,
      stages: stageRuns(functions).map((run) => ({ ...run, label: resolution(functions[run.from]) })),
      size: size(),
      pixelRatio: document.defaultView?.devicePixelRatio ?? 1,
      selected: [...view.selected].map((name) => store.indexOf(name)),
      cursor,
    };
    room.replaceChildren(ormMatrix(data, document));
    read();
  }

  function read(): void {
    const { state } = store;
    if (!state?.orm) return;
    if (!cursor) {
      readout.textContent = t('Point at a cell to read it.');
      return;
    }
    const [row, column] = cursor;
    const value = state.orm[row * state.functions.length + column];
    readout.replaceChildren(
      h(document, 'strong', {}, value.toFixed(4)),
      ` ${state.functions[row].name} × ${state.functions[column].name}`,
    );
  }

  function point(pair: Pair | null): void {
    if (pair?.[0] === cursor?.[0] && pair?.[1] === cursor?.[1]) return;
    cursor = pair;
    draw();
  }

  room.addEventListener('pointermove', (event) => {
    const { left, top } = room.getBoundingClientRect();
    const count = store.state?.functions.length ?? 0;
    point(ormCellAt(size(), count, event.clientX - left, event.clientY - top));
  });
  room.addEventListener('pointerleave', () => point(null));
  room.addEventListener('click', () => {
    if (cursor && store.state) store.select([store.state.functions[cursor[0]].name], cursor[0]);
  });
  room.addEventListener('keydown', (event) => {
    const next = movedBy(event.key, cursor, store);
    if (!next) return;
    event.preventDefault();
    point(next);
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

/** Where an arrow key leads; the first one to the active layer. null: another key. */
function movedBy(key: string, cursor: Pair | null, { state, view }: Store): Pair | null {
  const moves: Record<string, Pair> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  const move = moves[key];
  const count = state?.functions.length ?? 0;
  if (!move || count === 0) return null;
  if (!cursor) return [Math.max(0, view.active), 0];
  const kept = (value: number): number => Math.min(count - 1, Math.max(0, value));
  return [kept(cursor[0] + move[0]), kept(cursor[1] + move[1])];
}

function colours(document: Document): Pick<OrmMatrixData, 'theme' | 'ink' | 'paper' | 'font'> {
  const style = getComputedStyle(document.body);
  const colour = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  return {
    theme: currentTheme(document.body),
    ink: colour('--vscode-foreground', '#888'),
    paper: colour('--vscode-editor-background', '#000'),
    font: `11px ${colour('--vscode-font-family', 'sans-serif')}`,
  };
}
