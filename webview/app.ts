/** The page put together: parts around one store, messages in, requests out, the view kept for a reload. */
import { actionsPart } from './actionsPart';
import { budgetPart } from './budgetPart';
import { unitOf } from './budgetUnits';
import { contestPart } from './contestPart';
import { detailsPart } from './detailsPart';
import { h } from './dom';
import { outcomeOf } from './edit';
import { headPart } from './headPart';
import { change } from './keys';
import { t } from './l10n';
import type { Host } from './link';
import { Link } from './link';
import { mapPart } from './mapPart';
import { noticePart } from './noticePart';
import { ormPart } from './ormPart';
import type { PanelRequest, PanelState, ToPage } from './protocol';
import { keepView, restoreView } from './savedView';
import type { Solver } from './solver';
import { Store } from './store';
import { stayingPart } from './stayingPart';
import { tablePart } from './tablePart';
import { followTheme } from './theme';

export interface App {
  receive(message: ToPage): void;
  store: Store;
}

export function createApp(root: HTMLElement, host: Host, solver: Solver): App {
  const document = root.ownerDocument;
  const store = new Store(solver);
  const link = new Link(host);
  const reveal = (name: string): void => link.send({ type: 'reveal', name });
  const head = headPart(store, document, {
    config: () => link.send({ type: 'openConfig' }),
    original: () => link.send({ type: 'openOriginal' }),
  });
  const notice = noticePart(store, document);
  const map = mapPart(store, document, reveal);
  const orm = ormPart(store, document);
  const actions = actionsPart(store, document, request, map.picture, (type) => link.send({ type }));
  const bar = h(document, 'div', {
    class: 'budget-bar',
    role: 'group',
    'aria-label': t('Budget'),
    hidden: true,
  });
  const main = h(
    document,
    'main',
    { hidden: true },
    h(document, 'div', { class: 'top' }, head.title, actions.element),
    head.tiles,
    notice.element,
    head.warnings,
    bar,
    map.element,
    detailsPart(store, document).element,
    h(document, 'div', { class: 'pair' }, budgetPart(store, document, bar, request).element, orm.element),
    contestPart(store, document, request).element,
    tablePart(store, document, reveal).element,
    stayingPart(store, document).element,
  );
  const waiting = h(document, 'p', { class: 'waiting', role: 'status' }, t('Reading the model…'));
  root.replaceChildren(waiting, main);
  keepView(store, host);
  undoByKey(document, (type) => link.send({ type }));
  tellPlans(store, link);
  followTheme(document, () => orm.redraw());

  /** Whether it was done; what went wrong is said on the page. */
  async function request(what: PanelRequest): Promise<boolean> {
    notice.say(null);
    try {
      await link.request(what);
      return true;
    } catch (error) {
      notice.say(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** By key: a button that is not there is said. */
  function act(action: 'export' | 'measure'): void {
    const { problem } = store;
    if (!problem) return actions.act(action);
    notice.say(t('{0} There are no bits to export or to measure until that is mended.', problem.message));
  }

  function receiveState(state: PanelState): void {
    if (store.state === null) restoreView(store, host, state);
    if (store.state !== null && store.plan === null && state.settings) {
      store.view.budgetUnit = unitOf(state.settings.budget);
    }
    waiting.hidden = true;
    main.hidden = false;
    const first = store.state === null ? [...store.view.selected][0] : undefined;
    store.receive(state);
    if (first !== undefined) store.select(store.view.selected, store.indexOf(first));
  }

  function receive(message: ToPage): void {
    if (link.settle(message)) return;
    switch (message.type) {
      case 'state':
        return receiveState(message.state);
      case 'plan':
        return store.take(message.plan);
      case 'select': {
        const index = store.indexOf(message.name);
        if (index >= 0) store.select([message.name], index);
        return;
      }
      case 'act':
        if (message.action === 'export' || message.action === 'measure') act(message.action);
        else change(store, message.action);
        return;
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

/** The extension holds what is not written, so that VS Code can save, revert and restore it. */
function tellPlans(store: Store, link: Link): void {
  let hasStepped = false;
  store.onStep((before, after) => {
    hasStepped = true;
    link.send({ type: 'planned', before, after });
  });
  store.subscribe((change) => {
    if (change !== 'solution' || !store.isSettled || !store.plan) return;
    if (!hasStepped && !store.unwritten) return;
    link.send({ type: 'settled', plan: store.plan, outcome: outcomeOf(store) });
  });
}

/** VS Code would hear these keys, too, and undo twice; a text field has an undo of its own. */
function undoByKey(document: Document, move: (way: 'undo' | 'redo') => void): void {
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const isRedo = key === 'y' || (key === 'z' && event.shiftKey);
    if (key !== 'z' && !isRedo) return;
    event.stopPropagation();
    if ((event.target as Element | null)?.closest('vscode-text-field, input:not([type=range])')) return;
    move(isRedo ? 'redo' : 'undo');
    event.preventDefault();
  });
}
