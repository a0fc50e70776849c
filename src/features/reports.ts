/** Pages that a command ends in. */
import * as vscode from 'vscode';
import { printable } from '../common/printable';
import { DisposableStore } from './disposableStore';
import type { Services } from './services';

const REPORT_SCHEME = 'ompq-report';

/** Names come from files: nothing of them may be Markdown or HTML. */
export function escaped(text: string): string {
  return printable(text)
    .replaceAll('\n', ' ')
    .replace(/[\\`*_{}[\]()#+!|<>~]/g, (c) => `\\${c}`);
}

/** Reports as read-only documents, shown as rendered Markdown. */
export class Reports extends DisposableStore implements vscode.TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly changed = this.add(new vscode.EventEmitter<vscode.Uri>());
  readonly onDidChange = this.changed.event;

  private static only: Reports | undefined;

  static of({ context }: Services): Reports {
    if (!this.only) context.subscriptions.push((this.only = new Reports()));
    return this.only;
  }

  private constructor() {
    super();
    this.add(vscode.workspace.registerTextDocumentContentProvider(REPORT_SCHEME, this));
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? '';
  }

  async show(name: string, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: REPORT_SCHEME, path: `/${name}.md` });
    this.texts.set(uri.path, text);
    this.changed.fire(uri);
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  }
}
