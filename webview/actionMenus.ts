/** The menus of the toolbar: the allocation as text, and the bit map as a picture. */
import { formatAverage } from '../src/common/sizes';
import { TEXT_FORMATS } from './copyAs';
import { allocation } from './edit';
import { t } from './l10n';
import type { MenuItem } from './menu';
import type { PanelRequest } from './protocol';
import { pngBytes, standaloneSvg, svgBytes } from './savePicture';
import type { Store } from './store';

type Send = (request: PanelRequest) => Promise<boolean>;

export function copyItems(store: Store, send: Send): MenuItem[] {
  const own = TEXT_FORMATS.map((format) => ({
    label: format.label,
    run: () => {
      const rows = allocation(store);
      if (rows) void send({ type: 'copyText', text: format.text(rows), what: format.label });
    },
  }));
  const theirs = (store.state?.copyFormats ?? []).map(({ id, label }) => ({
    label: store.unwritten ? t('{0} (as written)', label) : label,
    run: () => void send({ type: 'copyFormat', format: id }),
  }));
  return [...own, ...theirs];
}

/** @param picture the bit map as it is drawn */
export function pictureItems(
  store: Store,
  document: Document,
  send: Send,
  picture: () => SVGSVGElement | null,
): MenuItem[] {
  const save = async (kind: 'svg' | 'png'): Promise<void> => {
    const shown = picture();
    const { state } = store;
    if (!shown || !state) return;
    const svg = standaloneSvg(shown, captionOf(store), document);
    const data = kind === 'svg' ? svgBytes(svg) : await pngBytes(svg, 2, document);
    const name = `${state.model.name.replace(/\.onnx$/i, '')}.bits.${kind}`;
    await send({ type: 'savePicture', kind, name, data });
  };
  return [
    { label: 'SVG', run: () => void save('svg') },
    { label: 'PNG', run: () => void save('png') },
  ];
}

function captionOf({ state, shown }: Store): string {
  const name = state?.model.name ?? '';
  return shown.totals ? t('{0}, {1} bits on average', name, formatAverage(shown.totals.averageBits)) : name;
}
