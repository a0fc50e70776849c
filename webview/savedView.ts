/** What of the page survives a reload of the window. */
import { unitOf } from './budgetUnits';
import type { Host } from './link';
import type { PanelState, SavedView } from './protocol';
import type { Store } from './store';

/** Keeps the view whenever it changes. */
export function keepView(store: Store, host: Host): void {
  store.subscribe((change) => {
    if (!store.state || change === 'active' || change === 'frontier') return;
    const { columnWidth, showDecider, budgetUnit, selected } = store.view;
    const view: SavedView = {
      version: 2,
      model: store.state.model.uri,
      config: store.state.config?.uri ?? null,
      selected: [...selected],
      columnWidth,
      showDecider,
      budgetUnit,
    };
    host.setState(view);
  });
}

/** Puts the kept view on, before the first state is shown. */
export function restoreView(store: Store, host: Host, { model, settings }: PanelState): void {
  const saved = host.getState() as SavedView | null | undefined;
  if (saved?.version !== 2 || saved.model !== model.uri) {
    if (settings) store.view.budgetUnit = unitOf(settings.budget);
    return;
  }
  const { selected, columnWidth, showDecider, budgetUnit } = saved;
  Object.assign(store.view, { selected: new Set(selected), columnWidth, showDecider, budgetUnit });
}
