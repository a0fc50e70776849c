/** One end of a webview: typed messages out, requests in that always get an answer. */
import type * as vscode from 'vscode';
import type { FromPage, PanelRequest, Plan, PlanOutcome, ToPage } from '../../../webview/protocol';

export interface PageHandlers {
  ready(): void;
  /** The user has made a step. */
  planned(before: Plan, after: Plan): void;
  settled(plan: Plan, outcome: PlanOutcome): void;
  /** A step back or on, which VS Code knows. */
  move(way: 'undo' | 'redo'): void;
  reveal(name: string): void;
  openConfig(): void;
  openOriginal(): void;
  error(message: string): void;
  /** What it throws becomes the sentence that the page shows. */
  request(request: PanelRequest): Promise<void>;
}

export function connect(webview: vscode.Webview, handlers: PageHandlers): vscode.Disposable {
  return webview.onDidReceiveMessage((message: FromPage) => {
    switch (message.type) {
      case 'ready':
        return handlers.ready();
      case 'planned':
        return handlers.planned(message.before, message.after);
      case 'settled':
        return handlers.settled(message.plan, message.outcome);
      case 'undo':
      case 'redo':
        return handlers.move(message.type);
      case 'reveal':
        return handlers.reveal(message.name);
      case 'openConfig':
        return handlers.openConfig();
      case 'openOriginal':
        return handlers.openOriginal();
      case 'error':
        return handlers.error(message.message);
      case 'request':
        return void answer(webview, message.id, () => handlers.request(message.request));
    }
  });
}

export function post(webview: vscode.Webview, message: ToPage): void {
  // a webview that is being disposed of rejects; nobody is left to be told
  webview.postMessage(message).then(undefined, () => undefined);
}

async function answer(webview: vscode.Webview, id: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    post(webview, { type: 'done', id });
  } catch (error) {
    post(webview, { type: 'failed', id, message: error instanceof Error ? error.message : String(error) });
  }
}
