/** The open bit maps: one panel per model, and the editors of .onnx files, which show the same page. */
import * as vscode from 'vscode';
import type { SavedView } from '../../../webview/protocol';
import { CONFIG_SUFFIX, parseConfig } from '../../config/config';
import { configPathFor, modelPathOf } from '../../config/paths';
import { DisposableStore } from '../disposableStore';
import { VIEW } from '../ids';
import { activeFile, wantedModel } from '../pickModel';
import type { Services } from '../services';
import { ExtensionHost, type PanelHost } from './host';
import { BitMapPanel } from './panel';

export class BitMapPanels extends DisposableStore {
  /** By model. */
  private readonly panels = new Map<string, BitMapPanel>();
  private readonly editors = new Map<string, BitMapPanel>();

  private readonly host: PanelHost;

  constructor(services: Services) {
    super();
    this.host = new ExtensionHost(services, services.context.extensionUri);
  }

  override dispose(): void {
    for (const view of [...this.panels.values(), ...this.editors.values()]) view.dispose();
    super.dispose();
  }

  /** @param uri of a model or a config; default: the active editor's, or one that is asked for */
  async open(uri: vscode.Uri | undefined, name?: string): Promise<void> {
    const wanted = uri ?? activeFile() ?? (await wantedModel(vscode.l10n.t('Open bit map: which model?')));
    if (!wanted) return;
    const { model, config } = await resolveUris(wanted);
    const key = model.toString();
    const editor = this.editors.get(key);
    // a model that is looked at needs no second picture beside it
    const known = this.panels.get(key) ?? (editor?.visible ? editor : undefined);
    if (known) return known.show(name);
    const panel = vscode.window.createWebviewPanel(
      VIEW.bitMap,
      titleOf(model),
      { viewColumn: otherColumn(), preserveFocus: true },
      { enableFindWidget: false },
    );
    this.attach(this.panels, panel, model, config).show(name);
  }

  /** A panel that VS Code brings back after a reload of the window. */
  restore(panel: vscode.WebviewPanel, saved: SavedView | undefined): void {
    if (!saved?.model) {
      panel.dispose();
      return;
    }
    const model = vscode.Uri.parse(saved.model, true);
    const config = saved.config
      ? vscode.Uri.parse(saved.config, true)
      : vscode.Uri.file(configPathFor(model.fsPath));
    this.attach(this.panels, panel, model, config);
  }

  /** The editor of an .onnx file. */
  edit(uri: vscode.Uri, panel: vscode.WebviewPanel): void {
    this.attach(this.editors, panel, uri, vscode.Uri.file(configPathFor(uri.fsPath)));
  }

  private attach(
    views: Map<string, BitMapPanel>,
    panel: vscode.WebviewPanel,
    model: vscode.Uri,
    config: vscode.Uri,
  ): BitMapPanel {
    const made = new BitMapPanel(panel, model, config, this.host);
    const key = model.toString();
    views.set(key, made);
    made.onDidDispose(() => {
      if (views.get(key) === made) views.delete(key);
    });
    return made;
  }
}

/** The other of the first two editor columns: a third would leave none of them wide enough. */
function otherColumn(): vscode.ViewColumn {
  const { viewColumn } = vscode.window.tabGroups.activeTabGroup;
  return viewColumn === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
}

async function resolveUris(uri: vscode.Uri): Promise<{ model: vscode.Uri; config: vscode.Uri }> {
  if (uri.path.endsWith(CONFIG_SUFFIX)) {
    const document = await vscode.workspace.openTextDocument(uri);
    const config = parseConfig(document.getText(), uri.fsPath);
    return { model: vscode.Uri.file(modelPathOf(config, uri.fsPath)), config: uri };
  }
  if (uri.path.toLowerCase().endsWith('.onnx')) {
    return { model: uri, config: vscode.Uri.file(configPathFor(uri.fsPath)) };
  }
  throw new Error(vscode.l10n.t('Open an .onnx model or its {0} config first.', CONFIG_SUFFIX));
}

function titleOf(model: vscode.Uri): string {
  return vscode.l10n.t('Bits of {0}', model.path.slice(model.path.lastIndexOf('/') + 1));
}
