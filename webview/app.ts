/** The page put together: parts around one store, messages in, requests out, the view kept for a reload. */
import { actionsPart } from './actionsPart';
import { budgetPart } from './budgetPart';
import { unitOf } from './budgetUnits';
import { contestPart } from './contestPart';
import { detailsPart } from './detailsPart';
import { h } from './dom';
import { tiles, title, warnings } from './header';
import type { Host } from './link';
import { Link } from './link';
import { mapPart } from './mapPart';
import { ormPart } from './ormPart';
import type { PanelRequest, SavedView, ToPage } from './protocol';
import type { Solver } from './solver';
import { Store } from './store';
import { tablePart } from './tablePart';
import { followTheme } from './theme';
import { button } from './toolkit';
import { t } from './l10n';

export interface App {
  receive(message: ToPage): void;
  store: Store;
}

export function createApp(root: HTMLElement, host: Host, solver: Solver): App {
  const document = root.ownerDocument;
  const store = new Store(solver);
  const link = new Link(host);
  const reveal = (name: string): void => link.send({ type: 'reveal', name });

  const notice = h(document, 'div', { class: 'notice', role: 'status', hidden: true });
  const headRoom = h(document, 'div', { class: 'head-room' });
  const tileRoom = h(document, 'div', { class: 'tile-room' });
  const warningRoom = h(document, 'div', { class: 'warning-room' });
  const map = mapPart(store, document, reveal);
  const orm = ormPart(store, document);
  const actions = actionsPart(store, document, request, map.picture);
  const main = h(
    document,
    'main',
    { hidden: true },
    h(document, 'div', { class: 'top' }, headRoom, actions.element),
    tileRoom,
    notice,
    warningRoom,
    map.element,
    detailsPart(store, document).element,
    h(document, 'div', { class: 'pair' }, budgetPart(store, document).element, orm.element),
    contestPart(store, document).element,
    tablePart(store, document, reveal).element,
  );
  const waiting = h(document, 'p', { class: 'waiting', role: 'status' }, t('Reading the model…'));
  root.replaceChildren(waiting, main);

  /** Whether it was done; what went wrong is said on the page. */
  async function request(what: PanelRequest): Promise<boolean> {
    say(null);
    try {
      await link.request(what);
      return true;
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  function say(message: string | null): void {
    notice.hidden = message === null;
    notice.replaceChildren(message ?? '');
  }

  function drawConflict(): void {
    if (!store.conflict) return;
    notice.hidden = false;
    notice.replaceChildren(
      h(document, 'span', {}, t('The config has changed while you have changes here that are not written.')),
      button(document, { look: 'secondary' }, () => store.takeConfig(), t('Take the config')),
      button(document, { look: 'secondary' }, () => store.keepMine(), t('Keep mine')),
    );
  }

  function drawHead(): void {
    const { state, shown } = store;
    if (!state) return;
    const data = { state, totals: shown.totals, solver: shown.solver, unwritten: store.unwritten };
    headRoom.replaceChildren(title(data, document, () => link.send({ type: 'openConfig' })));
    tileRoom.replaceChildren(tiles(data, document));
    warningRoom.replaceChildren(warnings(state, document) ?? '');
  }

  function save(): void {
    if (!store.state) return;
    const { columnWidth, showImportance, budgetUnit, selected } = store.view;
    const view: SavedView = {
      version: 1,
      model: store.state.model.uri,
      config: store.state.config?.uri ?? null,
      plan: store.unwritten ? store.plan : null,
      selected: [...selected],
      columnWidth,
      showImportance,
      budgetUnit,
    };
    host.setState(view);
  }

  function restore(model: string): SavedView | null {
    const saved = host.getState() as SavedView | null | undefined;
    return saved?.version === 1 && saved.model === model ? saved : null;
  }

  store.subscribe((change) => {
    if (change === 'state' || change === 'solution') drawHead();
    if (change === 'state' || change === 'view' || change === 'solution') {
      if (store.conflict) drawConflict();
      else if (notice.querySelector('span')) say(null);
    }
    if (change !== 'active' && change !== 'frontier') save();
  });
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    // a text field has an undo of its own
    if ((event.target as Element | null)?.closest('vscode-text-field, input')) return;
    if (key === 'z' && !event.shiftKey) store.undo();
    else if (key === 'y' || (key === 'z' && event.shiftKey)) store.redo();
    else return;
    event.preventDefault();
  });
  followTheme(document, () => orm.redraw());

  function receive(message: ToPage): void {
    if (link.settle(message)) return;
    switch (message.type) {
      case 'state': {
        const first = store.state === null;
        const settled = store.plan !== null;
        const saved = first ? restore(message.state.model.uri) : null;
        waiting.hidden = true;
        main.hidden = false;
        if (saved) {
          const { selected, columnWidth, showImportance, budgetUnit } = saved;
          Object.assign(store.view, { selected: new Set(selected), columnWidth, showImportance, budgetUnit });
        } else if (!settled && message.state.settings) {
          store.view.budgetUnit = unitOf(message.state.settings.budget);
        }
        store.receive(message.state, saved?.plan ?? null);
        if (saved?.selected[0]) store.select(store.view.selected, store.indexOf(saved.selected[0]));
        return;
      }
      case 'select': {
        const index = store.indexOf(message.name);
        if (index >= 0) store.select([message.name], index);
        return;
      }
      case 'unreadable':
        waiting.hidden = false;
        main.hidden = true;
        waiting.textContent = message.message;
        return;
      case 'done':
      case 'failed':
        return;
    }
  }

  return { receive, store };
}
