/** Stands in for VS Code in the browser: theme, state kept over a reload, and an extension that answers. */
import type { Theme } from '../../../webview/palette';
import type { FromPage, PanelState, Plan, ToPage } from '../../../webview/protocol';
import { drag, firstPaint, showAgain } from './measure';
import { contested, scored, unscored } from './networks';
import { applyTheme } from './themes';

export interface FakeHost {
  sent: FromPage[];
  post(message: ToPage): void;
  state: PanelState;
  /** What the extension answers instead of doing it; null: it does it. */
  refusal: string | null;
  theme(theme: Theme): void;
  scored: typeof scored;
  /** Milliseconds that making the network took, which no extension would need. */
  prepared: number;
  firstPaint: typeof firstPaint;
  showAgain(): Promise<number>;
  drag: typeof drag;
  unscored: typeof unscored;
}

declare global {
  interface Window {
    fake: FakeHost;
    acquireVsCodeApi(): unknown;
  }
}

const began = performance.now();
const query = new URLSearchParams(location.search);
const count = Number(query.get('count') ?? 53);
const post = (message: ToPage): void => {
  window.dispatchEvent(new MessageEvent('message', { data: message }));
};
applyTheme((query.get('theme') ?? 'dark') as Theme, document);
window.fake = {
  sent: [],
  post,
  state: query.has('unscored') ? unscored(count) : query.has('contest') ? contested(count) : scored(count),
  refusal: null,
  theme: (theme) => applyTheme(theme, document),
  scored,
  unscored,
  prepared: performance.now() - began,
  firstPaint,
  showAgain: () => showAgain(() => post({ type: 'state', state: window.fake.state })),
  drag,
};
if (query.has('synthetic') && window.fake.state.scoring) window.fake.state.scoring.synthetic = true;

/** What VS Code keeps of the document: the steps, and over a reload the plan that is not written. */
const steps: { before: Plan; after: Plan }[] = [];
let done = 0;
const keep = (plan: Plan | null): void => sessionStorage.setItem('plan', JSON.stringify(plan));
const take = (plan: Plan): void => {
  keep(plan);
  post({ type: 'plan', plan });
};

window.acquireVsCodeApi = () => ({
  postMessage(message: FromPage) {
    window.fake.sent.push(message);
    if (message.type === 'ready') {
      post({ type: 'state', state: window.fake.state });
      const plan = JSON.parse(sessionStorage.getItem('plan') ?? 'null') as Plan | null;
      if (plan) post({ type: 'plan', plan });
    }
    if (message.type === 'planned') {
      steps.splice(done++, Infinity, message);
      keep(message.after);
    }
    if (message.type === 'undo' && done > 0) take(steps[--done].before);
    if (message.type === 'redo' && done < steps.length) take(steps[done++].after);
    if (message.type !== 'request') return;
    const { refusal } = window.fake;
    if (refusal !== null) return post({ type: 'failed', id: message.id, message: refusal });
    if (message.request.type === 'write') keep(null);
    if (message.request.type === 'write') write(message.request.edit);
    post({ type: 'done', id: message.id });
  },
  getState: (): unknown => JSON.parse(sessionStorage.getItem('state') ?? 'null'),
  setState: (state: unknown) => sessionStorage.setItem('state', JSON.stringify(state)),
});

/** What writing the config and reading it again comes to. */
function write(
  edit: Extract<Extract<FromPage, { type: 'request' }>['request'], { type: 'write' }>['edit'],
): void {
  const bits = new Map(edit.functions.map((f) => [f.name, f]));
  window.fake.state = {
    ...window.fake.state,
    settings: edit.settings,
    solver: edit.solver,
    functions: window.fake.state.functions.map((f) => ({
      ...f,
      bits: bits.get(f.name)?.bits ?? f.bits,
      locked: bits.get(f.name)?.locked ?? f.locked,
    })),
  };
  post({ type: 'state', state: window.fake.state });
}
