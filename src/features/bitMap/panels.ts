/** The open bit maps: one per model, beside its config or alone. */
import * as vscode from 'vscode';
import { CONFIG_SUFFIX, parseConfig } from '../../config/config';
import { configPathFor, modelPathOf } from '../../config/paths';
import type { PageAction } from '../../../webview/protocol';
import { BIT_WIDTHS } from '../../core/problem/widths';
import { pickOne } from '../pickOne';
import { DisposableStore } from '../disposableStore';
import { VIEW } from '../ids';
import { activeFile, wantedModel } from '../pickModel';
import type { BitMapDocument, Step } from './document';
import type { PanelHost } from './host';
import { BitMapPanel } from './panel';

export class BitMapPanels extends DisposableStore {
  /** By model. */
  private readonly panels = new Map<string, BitMapPanel>();

  constructor(
    private readonly host: PanelHost,
    private readonly state: vscode.Memento,
    private readonly onStep: (step: Step) => void,
  ) {
    super();
  }

  override dispose(): void {
    for (const view of [...this.panels.values()]) view.dispose();
    super.dispose();
  }

  /** @param uri of a model or a config; default: the active editor's, or one that is asked for */
  async open(uri: vscode.Uri | undefined, name?: string): Promise<void> {
    const wanted = uri ?? activeFile() ?? (await wantedModel(vscode.l10n.t('Open bit map: which model?')));
    if (!wanted) return;
    const { model, config } = await resolveUris(wanted);
    await this.state.update(configKey(model), isUsual(model, config) ? undefined : config.toString());
    const key = model.toString();
    this.panels.get(key)?.useConfig(config);
    if (!this.panels.get(key)?.visible) {
      const where = { viewColumn: otherColumn(), preserveFocus: true };
      await vscode.commands.executeCommand('vscode.openWith', model, VIEW.model, where);
    }
    if (name !== undefined) this.panels.get(key)?.select(name);
  }

  /** The config that a model was last shown with; at first the one that is named after it. */
  configOf(model: vscode.Uri): vscode.Uri {
    const kept = this.state.get<string>(configKey(model));
    return kept === undefined ? usualConfig(model) : vscode.Uri.parse(kept, true);
  }

  /** Does what a command asks for in the page that is in front. */
  act(action: PageAction): void {
    const visible = [...this.panels.values()].filter(({ visible }) => visible);
    // A key that follows a click into the page at once is here before VS Code has told that the page is active.
    const front = visible.find(({ active }) => active) ?? (visible.length === 1 ? visible[0] : undefined);
    if (!front) throw new Error(vscode.l10n.t('Open the bit map of a model first.'));
    front.act(action);
  }

  /** The same with bits that are asked for. */
  async setBits(): Promise<void> {
    const items = BIT_WIDTHS.filter((bits) => bits <= 8).map((bits) => ({
      bits,
      label: vscode.l10n.t('{0} bits', bits),
    }));
    const item = await pickOne(items, {
      title: vscode.l10n.t('Bits of the selected layers'),
      placeholder: vscode.l10n.t('The layers are locked at these bits'),
    });
    if (item) this.act(item.bits);
  }

  attach(document: BitMapDocument, panel: vscode.WebviewPanel): void {
    const made = new BitMapPanel(panel, document, this.host, this.onStep);
    const key = document.uri.toString();
    this.panels.set(key, made);
    made.onDidDispose(() => {
      if (this.panels.get(key) === made) this.panels.delete(key);
    });
  }
}

/** The other of the first two editor columns: a third would leave none of them wide enough. */
function otherColumn(): vscode.ViewColumn {
  const { viewColumn } = vscode.window.tabGroups.activeTabGroup;
  return viewColumn === vscode.ViewColumn.One ? vscode.ViewColumn.Two : vscode.ViewColumn.One;
}

const configKey = (model: vscode.Uri): string => `config:${model.toString()}`;
const usualConfig = (model: vscode.Uri): vscode.Uri => vscode.Uri.file(configPathFor(model.fsPath));
const isUsual = (model: vscode.Uri, config: vscode.Uri): boolean =>
  usualConfig(model).toString() === config.toString();

async function resolveUris(uri: vscode.Uri): Promise<{ model: vscode.Uri; config: vscode.Uri }> {
  if (uri.path.endsWith(CONFIG_SUFFIX)) {
    const document = await vscode.workspace.openTextDocument(uri);
    const config = parseConfig(document.getText(), uri.fsPath);
    return { model: vscode.Uri.file(modelPathOf(config, uri.fsPath)), config: uri };
  }
  if (uri.path.toLowerCase().endsWith('.onnx')) return { model: uri, config: usualConfig(uri) };
  throw new Error(vscode.l10n.t('Open an .onnx model or its {0} config first.', CONFIG_SUFFIX));
}
