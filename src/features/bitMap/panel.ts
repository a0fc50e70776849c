/** One webview that shows one model, as the editor of its .onnx file. */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { PageAction, PanelEdit, PanelRequest, PanelState } from '../../../webview/protocol';
import { locate } from '../../config/locate';
import { rangeOf } from '../configEditor/documents';
import { DisposableStore } from '../disposableStore';
import { COMMAND, VIEW } from '../ids';
import type { BitMapDocument, Step } from './document';
import type { PanelHost } from './host';
import { connect, post } from './messages';
import { pageHtml } from './page';

const QUIET_MILLISECONDS = 120;

export class BitMapPanel extends DisposableStore {
  private ready = false;
  /** The page has had a state, and after it the unwritten plan. */
  private isTold = false;
  /** A function to select once the page has a state. */
  private wanted: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private generation = 0;
  private last: PanelState | null = null;
  private readonly gone = this.add(new vscode.EventEmitter<void>());
  readonly onDidDispose = this.gone.event;

  constructor(
    private readonly panel: vscode.WebviewPanel,
    private readonly document: BitMapDocument,
    private readonly host: PanelHost,
    onStep: (step: Step) => void,
  ) {
    super();
    const { webview } = panel;
    const dist = vscode.Uri.joinPath(host.extensionUri, 'dist');
    const resource = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(dist, name)).toString();
    webview.options = { enableScripts: true, localResourceRoots: [dist] };
    const icon = (theme: string): vscode.Uri =>
      vscode.Uri.joinPath(host.extensionUri, 'media', `bit-map-${theme}.svg`);
    panel.iconPath = { dark: icon('dark'), light: icon('light') };
    this.add(
      connect(webview, {
        ready: () => {
          this.ready = true;
          this.isTold = false;
          void this.refresh();
        },
        planned: (before, after) => onStep(document.step(before, after)),
        settled: (plan, outcome) => document.settle(plan, outcome),
        move: (way) => void vscode.commands.executeCommand(way),
        reveal: (name) => this.reveal(name),
        openConfig: () => void this.openConfig(),
        openOriginal: () => void this.openOriginal(),
        error: (message) => this.host.log.error(`Bit map page: ${message}`),
        request: (request) => this.answer(request),
      }),
    );
    this.add(panel.onDidDispose(() => this.dispose()));
    this.add(document.onDidTakePlan((plan) => post(webview, { type: 'plan', plan })));
    this.watch();
    webview.html = pageHtml({
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      script: resource('panel.js'),
      style: resource('panel.css'),
      worker: resource('worker.js'),
      language: vscode.env.language,
      texts: vscode.l10n.bundle ?? {},
    });
  }

  override dispose(): void {
    clearTimeout(this.timer);
    this.gone.fire();
    super.dispose();
  }

  private get model(): vscode.Uri {
    return this.document.uri;
  }

  private get config(): vscode.Uri {
    return this.document.config;
  }

  get active(): boolean {
    return this.panel.active;
  }

  act(action: PageAction): void {
    if (this.ready) post(this.panel.webview, { type: 'act', action });
  }

  get visible(): boolean {
    return this.panel.visible;
  }

  /** Another config of the same model. Changes that are not written stay with the one that they are of. */
  useConfig(config: vscode.Uri): void {
    if (this.document.isDirty || config.toString() === this.config.toString()) return;
    this.document.config = config;
    this.watchFile(config);
    this.schedule();
  }

  /** Selects a function. */
  select(name: string): void {
    this.wanted = name;
    if (this.ready) void this.refresh();
  }

  /** Model and config on disk, and the config as it is being edited. */
  private watch(): void {
    const touched = (uri: vscode.Uri): void => {
      if (uri.toString() === this.config.toString()) this.schedule();
    };
    for (const uri of [this.model, this.config]) this.watchFile(uri);
    this.add(this.host.onDidMeasure((uri) => uri.toString() === this.model.toString() && this.schedule()));
    this.add(vscode.workspace.onDidChangeTextDocument(({ document }) => touched(document.uri)));
    this.add(vscode.workspace.onDidSaveTextDocument(({ uri }) => touched(uri)));
    this.add(vscode.workspace.onDidCloseTextDocument(({ uri }) => touched(uri)));
  }

  private watchFile(uri: vscode.Uri): void {
    const folder = vscode.Uri.joinPath(uri, '..');
    const pattern = new vscode.RelativePattern(folder, basename(uri.path));
    const watcher = this.add(vscode.workspace.createFileSystemWatcher(pattern));
    this.add(watcher.onDidChange(() => this.schedule()));
    this.add(watcher.onDidCreate(() => this.schedule()));
    this.add(watcher.onDidDelete(() => this.schedule()));
  }

  /** Typing in the config comes in bursts. */
  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), QUIET_MILLISECONDS);
  }

  private async refresh(): Promise<void> {
    if (!this.ready) return;
    const generation = ++this.generation;
    const { webview } = this.panel;
    try {
      const state = await this.host.load(this.model, this.config, this.last);
      if (generation !== this.generation) return;
      this.last = state;
      post(webview, { type: 'state', state });
      // What the last window left unwritten follows the first state, whichever reading of the files that is of.
      if (!this.isTold && this.document.plan) post(webview, { type: 'plan', plan: this.document.plan });
      this.isTold = true;
      if (this.wanted !== undefined) post(webview, { type: 'select', name: this.wanted });
      this.wanted = undefined;
    } catch (error) {
      if (generation !== this.generation) return;
      post(webview, { type: 'unreadable', message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** In the column beside the page, where it is open or not; never in a third one. */
  private async openConfig(): Promise<void> {
    const viewColumn =
      this.panel.viewColumn === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
    await vscode.window.showTextDocument(this.config, { preview: false, viewColumn });
  }

  private async openOriginal(): Promise<void> {
    const original = await this.host.originalOf(this.model);
    if (original) await vscode.commands.executeCommand('vscode.openWith', original, VIEW.model);
  }

  private reveal(name: string): void {
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document.uri.toString() !== this.config.toString()) continue;
      const place = locate(editor.document.getText())?.functions.find((f) => f.name === name);
      if (!place) continue;
      const range = rangeOf(editor.document, place.span);
      editor.selection = new vscode.Selection(range.start, range.end);
      editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }

  /** As VS Code saves, so that the document is clean afterwards. */
  private async write(edit: PanelEdit): Promise<void> {
    if (!this.document.isDirty) return this.host.write(this.model, this.config, edit);
    await vscode.workspace.save(this.model);
    if (this.document.isDirty) throw new Error(vscode.l10n.t('The config could not be saved.'));
  }

  private async answer(request: PanelRequest): Promise<void> {
    switch (request.type) {
      case 'write':
        return this.write(request.edit);
      case 'quantize':
        await vscode.commands.executeCommand(COMMAND.quantize, this.model);
        return;
      case 'export':
      case 'measureAgain':
        await vscode.commands.executeCommand(COMMAND[request.type], this.config);
        return;
      case 'smallest':
        await vscode.commands.executeCommand(COMMAND.measureAgain, this.config, request.quality);
        return;
      case 'evaluate':
        await vscode.commands.executeCommand(COMMAND.measure, this.config, request.bits);
        return;
      case 'copyText':
        await vscode.env.clipboard.writeText(request.text);
        vscode.window.setStatusBarMessage(vscode.l10n.t('Copied: {0}', request.what), 3000);
        return;
      case 'copyFormat':
        return this.host.copy(this.config, request.format);
      case 'savePicture':
        return savePicture(vscode.Uri.joinPath(this.model, '..', request.name), request.data);
    }
  }
}

async function savePicture(proposal: vscode.Uri, data: Uint8Array): Promise<void> {
  const extension = proposal.path.slice(proposal.path.lastIndexOf('.') + 1);
  const target = await vscode.window.showSaveDialog({
    defaultUri: proposal,
    filters: { [extension.toUpperCase()]: [extension] },
  });
  if (target) await vscode.workspace.fs.writeFile(target, data);
}
