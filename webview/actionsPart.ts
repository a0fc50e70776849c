/** What can be done with the allocation on show. Actions that the extension does not have are absent. */
import { TEXT_FORMATS } from './copyAs';
import { h } from './dom';
import { allocation, editOf } from './edit';
import type { Part } from './mapPart';
import { menuButton, type MenuItem } from './menu';
import type { PanelRequest } from './protocol';
import { pngBytes, standaloneSvg, svgBytes } from './savePicture';
import type { Store } from './store';
import { button } from './toolkit';
import { t } from './l10n';

export function actionsPart(
  store: Store,
  document: Document,
  request: (request: PanelRequest) => Promise<boolean>,
  picture: () => SVGSVGElement | null,
): Part {
  const element = h(document, 'div', { class: 'actions', role: 'toolbar', 'aria-label': t('Actions') });

  function draw(): void {
    const { state, plan } = store;
    if (!state) return;
    const has = (name: (typeof state.capabilities)[number]): boolean => state.capabilities.includes(name);
    const send = (what: PanelRequest): void => void request(what);
    const allocated = allocation(store) !== null;
    const made: HTMLElement[] = [];
    if (plan && store.history) {
      const { past, future } = store.history;
      const undo = button(
        document,
        { look: 'icon', title: t('Undo (Ctrl+Z)'), label: t('Undo') },
        () => store.undo(),
        '↶',
      );
      const redo = button(
        document,
        { look: 'icon', title: t('Redo (Ctrl+Y)'), label: t('Redo') },
        () => store.redo(),
        '↷',
      );
      undo.disabled = past.length === 0;
      redo.disabled = future.length === 0;
      made.push(undo, redo);
    }
    if (allocated) {
      made.push(
        menuButton(document, t('Copy as'), copyItems(send)),
        menuButton(document, t('Save picture'), pictureItems()),
      );
    }
    if (has('evaluate')) made.push(onConfig('evaluate', t('Evaluate')));
    if (has('export')) made.push(onConfig('export', t('Export quantized model')));
    if (has('quantize')) {
      const look = allocated ? 'secondary' : 'primary';
      made.push(
        button(
          document,
          { look },
          () => send({ type: 'quantize' }),
          allocated ? t('Score again…') : t('Quantize with OMPQ'),
        ),
      );
    }
    if (has('write') && allocated) {
      const write = button(document, { look: 'primary' }, () => void writeConfig(), t('Write config'));
      write.disabled = !store.unwritten || store.trouble !== null;
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

  /** Export and evaluation read the config: what is on show is written first, or the button says that it is not. */
  function onConfig(type: 'export' | 'evaluate', label: string): HTMLElement {
    const act = (): void => void request({ type });
    if (!store.unwritten) return button(document, { look: 'secondary' }, act, label);
    if (store.trouble !== null) {
      const title = t('Reads the config as it is written, without the changes made here');
      return button(document, { look: 'secondary', title }, act, t('{0} (as written)', label));
    }
    const both = async (): Promise<void> => {
      if (await writeConfig()) act();
    };
    return button(
      document,
      { look: 'secondary' },
      () => void both(),
      type === 'export' ? t('Write and export') : t('Write and evaluate'),
    );
  }

  function copyItems(send: (what: PanelRequest) => void): MenuItem[] {
    const own = TEXT_FORMATS.map((format) => ({
      label: format.label,
      run: () => {
        const rows = allocation(store);
        if (rows) send({ type: 'copyText', text: format.text(rows), what: format.label });
      },
    }));
    const theirs = (store.state?.copyFormats ?? []).map((format) => ({
      label: `${format.label}${store.unwritten ? t(' (as written)') : ''}`,
      run: () => send({ type: 'copyFormat', format: format.id }),
    }));
    return [...own, ...theirs];
  }

  function pictureItems(): MenuItem[] {
    const save = async (kind: 'svg' | 'png'): Promise<void> => {
      const shown = picture();
      const { state, shown: solution } = store;
      if (!shown || !state) return;
      const average = solution.totals
        ? t(', {0} bits on average', solution.totals.averageBits.toFixed(2))
        : '';
      const svg = standaloneSvg(shown, `${state.model.name}${average}`, document);
      const data = kind === 'svg' ? svgBytes(svg) : await pngBytes(svg, 2, document);
      const name = `${state.model.name.replace(/\.onnx$/i, '')}.bits.${kind}`;
      await request({ type: 'savePicture', kind, name, data });
    };
    return [
      { label: 'SVG', run: () => void save('svg') },
      { label: 'PNG', run: () => void save('png') },
    ];
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') draw();
  });
  return { element };
}
