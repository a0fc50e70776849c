import * as vscode from 'vscode';
import type { Services } from './services';

/** Loads what serves a kind of text when the first text of that kind is open; what it makes goes with the extension. */
export function onFirstDocument(
  { context: { subscriptions }, log }: Services,
  selector: vscode.DocumentSelector,
  load: () => Promise<vscode.Disposable[]>,
): void {
  let wanted = false;
  const look = (document: vscode.TextDocument): void => {
    if (wanted || vscode.languages.match(selector, document) === 0) return;
    wanted = true;
    opening.dispose();
    load().then(
      (made) => subscriptions.push(...made),
      (error: unknown) => log.error(String(error)),
    );
  };
  const opening = vscode.workspace.onDidOpenTextDocument(look);
  subscriptions.push(opening);
  vscode.workspace.textDocuments.forEach(look);
}
