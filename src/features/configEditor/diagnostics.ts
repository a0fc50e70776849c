/** Squiggles in a config, put there as it is edited and as models come and go. */
import * as vscode from 'vscode';
import { DisposableStore } from '../disposableStore';
import type { Services } from '../services';
import { isConfigDocument, parseDocument } from './documents';
import { problemsOf } from './problems';

const QUIET_MILLISECONDS = 300;

export class Diagnostics extends DisposableStore {
  private readonly collection = this.add(vscode.languages.createDiagnosticCollection('ompq'));
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Where each config was last edited. */
  private readonly edits = new Map<string, number>();

  constructor(private readonly services: Services) {
    super();
    const watcher = this.add(vscode.workspace.createFileSystemWatcher('**/*.onnx'));
    const all = (): void => vscode.workspace.textDocuments.forEach((document) => this.schedule(document));
    this.add(watcher.onDidChange(all));
    this.add(watcher.onDidCreate(all));
    this.add(watcher.onDidDelete(all));
    this.add(vscode.workspace.onDidOpenTextDocument((document) => this.schedule(document)));
    this.add(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const [change] = contentChanges;
        if (change) this.edits.set(document.uri.toString(), change.rangeOffset);
        this.schedule(document);
      }),
    );
    this.add(vscode.workspace.onDidCloseTextDocument((document) => this.forget(document.uri)));
    all();
  }

  override dispose(): void {
    this.timers.forEach((timer) => clearTimeout(timer));
    super.dispose();
  }

  private schedule(document: vscode.TextDocument): void {
    if (!isConfigDocument(document)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => {
        this.check(document).catch((error: unknown) => this.services.log.error(String(error)));
      }, QUIET_MILLISECONDS),
    );
  }

  private forget(uri: vscode.Uri): void {
    clearTimeout(this.timers.get(uri.toString()));
    this.timers.delete(uri.toString());
    this.edits.delete(uri.toString());
    this.collection.delete(uri);
  }

  private async check(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const parsed = parseDocument(document);
    const edited = this.edits.get(document.uri.toString());
    const found = await problemsOf(document, parsed, this.services.models, edited);
    if (document.version === version && !document.isClosed) this.collection.set(document.uri, found);
  }
}
