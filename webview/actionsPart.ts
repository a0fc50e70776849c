/** What can be done with the allocation on show. Actions that the extension does not have are absent. */
import { copyItems, pictureItems } from './actionMenus';
import { h } from './dom';
import { allocation, editOf } from './edit';
import { t } from './l10n';
import { menuButton } from './menu';
import type { Part } from './part';
import type { PanelRequest } from './protocol';
import type { Store } from './store';
import { button } from './toolkit';

export interface ActionsPart extends Part {
  /** What the buttons do, where the page has them. */
  act: (action: 'export' | 'measure') => void;
}

export function actionsPart(
  store: Store,
  document: Document,
  request: (request: PanelRequest) => Promise<boolean>,
  picture: () => SVGSVGElement | null,
  move: (way: 'undo' | 'redo') => void,
): ActionsPart {
  const element = h(document, 'div', { class: 'actions', role: 'toolbar', 'aria-label': t('Actions') });

  function draw(): void {
    const { state, plan } = store;
    if (!state) return;
    const has = (name: (typeof state.capabilities)[number]): boolean => state.capabilities.includes(name);
    const isAllocated = allocation(store) !== null;
    const made: HTMLElement[] = [];
    if (plan && store.history) made.push(...historyButtons(store, document, move));
    if (isAllocated) {
      made.push(
        menuButton(document, t('Copy as'), copyItems(store, request)),
        menuButton(document, t('Save picture'), pictureItems(store, document, request, picture)),
      );
    }
    if (has('evaluate') && isAllocated) made.push(measureButton());
    if (has('export')) made.push(exportButton());
    if (has('quantize')) {
      const look = isAllocated ? 'secondary' : 'primary';
      const label = isAllocated ? t('Score again…') : t('Quantize with OMPQ');
      made.push(button(document, { look }, () => void request({ type: 'quantize' }), label));
    }
    if (has('write') && isAllocated) {
      const write = button(document, { look: 'primary' }, () => void writeConfig(), t('Write config'));
      write.disabled = !store.unwritten || store.problem !== null;
      made.push(write);
    }
    const at = [...element.children].findIndex((child) => child.contains(document.activeElement));
    element.replaceChildren(...made);
    if (at >= 0) (element.children[at] as HTMLElement | undefined)?.focus();
  }

  async function writeConfig(): Promise<boolean> {
    const edit = editOf(store);
    return edit !== null && request({ type: 'write', edit });
  }

  function measure(): void {
    const bits = allocation(store)?.map((row) => row.bits);
    if (bits) void request({ type: 'evaluate', bits });
  }

  function exportAsWritten(): void {
    void request({ type: 'export' });
  }

  async function writeAndExport(): Promise<void> {
    if (await writeConfig()) exportAsWritten();
  }

  /** Runs the bits on show, whatever the config holds: what is told is always about them. */
  function measureButton(): HTMLElement {
    const title = t('Rounds the weights to the bits on show and runs the result against the float model');
    return button(document, { look: 'secondary', title }, measure, t('Measure'));
  }

  /** Export reads the config: what is on show is written first, or the button says that it is not. */
  function exportButton(): HTMLElement {
    if (!store.unwritten)
      return button(document, { look: 'secondary' }, exportAsWritten, t('Export quantized model'));
    if (store.problem !== null) {
      const title = t('Reads the config as it is written, without the changes made here');
      return button(
        document,
        { look: 'secondary', title },
        exportAsWritten,
        t('Export quantized model (as written)'),
      );
    }
    return button(document, { look: 'secondary' }, () => void writeAndExport(), t('Write and export'));
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });

  function act(action: 'export' | 'measure'): void {
    const capability = action === 'measure' ? 'evaluate' : 'export';
    if (!store.state?.capabilities.includes(capability)) return;
    if (action === 'measure') measure();
    else if (store.unwritten) void writeAndExport();
    else exportAsWritten();
  }
  return { element, act };
}

function historyButtons(
  store: Store,
  document: Document,
  move: (way: 'undo' | 'redo') => void,
): HTMLElement[] {
  const { past, future } = store.history!;
  const undo = button(
    document,
    { look: 'icon', title: t('Undo (Ctrl+Z)'), label: t('Undo') },
    () => move('undo'),
    '↶',
  );
  const redo = button(
    document,
    { look: 'icon', title: t('Redo (Ctrl+Y)'), label: t('Redo') },
    () => move('redo'),
    '↷',
  );
  undo.disabled = past.length === 0;
  redo.disabled = future.length === 0;
  return [undo, redo];
}
