/** The bit map: a panel per model, kept over a reload of the window, and the same page as the editor of .onnx files. */
import * as vscode from 'vscode';
import type { SavedView } from '../../../webview/protocol';
import { CONFIG_SUFFIX, parseConfig } from '../../config/config';
import { configPathFor, modelPathOf } from '../../pipeline';
import { COMMAND, VIEW } from '../ids';
import { Owner } from '../owner';
import { reported, type Services } from '../services';
import { ExtensionHost } from './host';
import { BitMapPanel } from './panel';

export function registerBitMap(context: vscode.ExtensionContext, services: Services): void {
  const panels = new BitMapPanels(new ExtensionHost(services, context.extensionUri));
  context.subscriptions.push(
    panels,
    vscode.commands.registerCommand(COMMAND.openBitMap, (uri?: vscode.Uri, name?: string) =>
      reported(services.log, () => panels.open(uri, name)),
    ),
    vscode.window.registerWebviewPanelSerializer(VIEW.bitMap, panels),
    vscode.window.registerCustomEditorProvider(VIEW.model, panels, {
      supportsMultipleEditorsPerDocument: false,
    }),
  );
}

class BitMapPanels
  extends Owner
  implements vscode.WebviewPanelSerializer, vscode.CustomReadonlyEditorProvider
{
  /** By model. */
  private readonly panels = new Map<string, BitMapPanel>();
  private readonly editors = new Map<string, BitMapPanel>();

  constructor(private readonly host: ExtensionHost) {
    super();
  }

  override dispose(): void {
    for (const view of [...this.panels.values(), ...this.editors.values()]) view.dispose();
    super.dispose();
  }

  /** @param uri of a model or a config; default: the active editor's */
  async open(uri: vscode.Uri | undefined, name?: string): Promise<void> {
    const { model, config } = await resolveUris(uri ?? activeUri());
    const key = model.toString();
    const editor = this.editors.get(key);
    // a model that is looked at needs no second picture beside it
    const known = this.panels.get(key) ?? (editor?.visible ? editor : undefined);
    if (known) return known.show(name);
    const panel = vscode.window.createWebviewPanel(
      VIEW.bitMap,
      titleOf(model),
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableFindWidget: false },
    );
    this.attach(this.panels, panel, model, config).show(name);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, saved: SavedView | undefined): Promise<void> {
    if (!saved?.model) {
      panel.dispose();
      return Promise.resolve();
    }
    const model = vscode.Uri.parse(saved.model, true);
    const config = saved.config
      ? vscode.Uri.parse(saved.config, true)
      : vscode.Uri.file(configPathFor(model.fsPath));
    this.attach(this.panels, panel, model, config);
    return Promise.resolve();
  }

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): void {
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

async function resolveUris(uri: vscode.Uri | undefined): Promise<{ model: vscode.Uri; config: vscode.Uri }> {
  if (uri?.path.endsWith(CONFIG_SUFFIX)) {
    const document = await vscode.workspace.openTextDocument(uri);
    const config = parseConfig(document.getText(), uri.fsPath);
    return { model: vscode.Uri.file(modelPathOf(config, uri.fsPath)), config: uri };
  }
  if (uri?.path.toLowerCase().endsWith('.onnx')) {
    return { model: uri, config: vscode.Uri.file(configPathFor(uri.fsPath)) };
  }
  throw new Error(vscode.l10n.t('Open an .onnx model or its {0} config first.', CONFIG_SUFFIX));
}

function activeUri(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom
    ? input.uri
    : undefined;
}

function titleOf(model: vscode.Uri): string {
  return vscode.l10n.t('Bits of {0}', model.path.slice(model.path.lastIndexOf('/') + 1));
}
