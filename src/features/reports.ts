/** Pages that a command ends in: read-only documents, shown as rendered Markdown, kept over a reload of the window. */
import * as vscode from 'vscode';
import { printable } from '../common/printable';
import { DisposableStore } from './disposableStore';

const REPORT_SCHEME = 'ompq-report';

/** Names come from files: nothing of them may be Markdown or HTML. */
export function escaped(text: string): string {
  return printable(text)
    .replaceAll('\n', ' ')
    .replace(/[\\`*_{}[\]()#+!|<>~]/g, (c) => `\\${c}`);
}

export class Reports extends DisposableStore implements vscode.TextDocumentContentProvider {
  private readonly changed = this.add(new vscode.EventEmitter<vscode.Uri>());
  readonly onDidChange = this.changed.event;

  /** @param folder of the workspace's storage */
  constructor(private readonly folder: vscode.Uri) {
    super();
    this.add(vscode.workspace.registerTextDocumentContentProvider(REPORT_SCHEME, this));
  }

  /** A name that tells what and when, so that an older report stays. */
  static nameFor(subject: string, date = new Date()): string {
    return `${subject}-${date.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')}`;
  }

  async provideTextDocumentContent({ path }: vscode.Uri): Promise<string> {
    try {
      return Buffer.from(await vscode.workspace.fs.readFile(this.fileOf(path))).toString();
    } catch {
      return vscode.l10n.t('This report is not kept any more.');
    }
  }

  async show(name: string, text: string): Promise<void> {
    const uri = uriOf(name);
    await vscode.workspace.fs.createDirectory(this.folder);
    await vscode.workspace.fs.writeFile(this.fileOf(uri.path), Buffer.from(text));
    this.changed.fire(uri);
    await this.open(name);
  }

  /** Shows one that was made before. */
  async open(name: string): Promise<void> {
    await vscode.commands.executeCommand('markdown.showPreview', uriOf(name));
  }

  private fileOf(path: string): vscode.Uri {
    return vscode.Uri.joinPath(this.folder, encodeURIComponent(path.slice(1)));
  }
}

function uriOf(name: string): vscode.Uri {
  return vscode.Uri.from({ scheme: REPORT_SCHEME, path: `/${name}.md` });
}
