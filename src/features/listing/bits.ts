/** Bits in a listing: CodeLens on every node that can be quantized, inline bits at its line end. */
import { access } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { Config } from '../../config/config';
import { configPathFor } from '../../config/paths';
import type { NetworkFunction } from '../../onnx/network/network';
import { isConfigDocument, parseDocument } from '../configEditor/documents';
import { DisposableStore } from '../disposableStore';
import { COMMAND } from '../ids';
import type { Services } from '../services';
import { LISTING_SCHEME, type ListingDocuments, modelOfListing } from './document';

interface LayerLine {
  line: number;
  function: NetworkFunction;
  /** null: there is no config, or it does not list this function. */
  entry: Config['functions'][number] | null;
}

export class ListingBits extends DisposableStore implements vscode.CodeLensProvider {
  private readonly changed = this.add(new vscode.EventEmitter<void>());
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly decoration = this.add(
    vscode.window.createTextEditorDecorationType({
      after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 2em' },
    }),
  );

  constructor(
    private readonly documents: ListingDocuments,
    private readonly services: Services,
  ) {
    super();
    const watcher = this.add(vscode.workspace.createFileSystemWatcher('**/*.ompq.json'));
    const refresh = (): void => this.refresh();
    this.add(watcher.onDidChange(refresh));
    this.add(watcher.onDidCreate(refresh));
    this.add(watcher.onDidDelete(refresh));
    this.add(vscode.window.onDidChangeVisibleTextEditors(refresh));
    this.add(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (isConfigDocument(document)) refresh();
      }),
    );
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const model = modelOfListing(document.uri);
    const config = vscode.Uri.file(configPathFor(model.fsPath));
    const lens = (line: number, title: string, command: string, ...args: unknown[]): vscode.CodeLens =>
      new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { title, command, arguments: args });
    const top = lens(0, vscode.l10n.t('Quantize with OMPQ'), COMMAND.quantize, model);
    const lenses = (await this.layers(document.uri)).flatMap(({ line, function: f, entry }) => {
      if (!entry) return [];
      return [
        lens(line, vscode.l10n.t('{0} bit: change...', entry.bits), COMMAND.changeBits, config, f.name),
        entry.lock
          ? lens(line, `$(lock) ${vscode.l10n.t('unlock')}`, COMMAND.toggleLock, config, f.name)
          : lens(line, `$(unlock) ${vscode.l10n.t('lock')}`, COMMAND.toggleLock, config, f.name),
        lens(line, vscode.l10n.t('Reveal in bit map'), COMMAND.openBitMap, config, f.name),
      ];
    });
    return [top, ...lenses];
  }

  private refresh(): void {
    this.changed.fire();
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document.uri.scheme !== LISTING_SCHEME) continue;
      this.decorate(editor).catch((error: unknown) => this.services.log.warn(String(error)));
    }
  }

  private async decorate(editor: vscode.TextEditor): Promise<void> {
    const layers = await this.layers(editor.document.uri);
    editor.setDecorations(
      this.decoration,
      layers.map(({ line, entry, function: f }) => {
        const end = editor.document.lineAt(line).range.end;
        const contentText = entry
          ? vscode.l10n.t('{0} bit, was 32 - gamma {1}', entry.bits, entry.gamma.toFixed(1))
          : vscode.l10n.t('{0} weights', f.params.toLocaleString('en'));
        return { range: new vscode.Range(end, end), renderOptions: { after: { contentText } } };
      }),
    );
  }

  private async layers(uri: vscode.Uri): Promise<LayerLine[]> {
    const model = modelOfListing(uri);
    const config = await configOf(model);
    const [index, { network }] = await Promise.all([
      this.documents.index(uri),
      this.services.models.inspect(model.fsPath, config?.scoring.granularity, config?.calibration),
    ]);
    const entries = new Map(config?.functions.map((f) => [f.name, f]));
    return network.functions.flatMap((f) =>
      f.layers.flatMap((layer) => {
        const line = index.layer(layer.output)?.line;
        return line === undefined ? [] : { line, function: f, entry: entries.get(f.name) ?? null };
      }),
    );
  }
}

/** The config next to the model as the editor has it, saved or not. */
async function configOf(model: vscode.Uri): Promise<Config | null> {
  const path = configPathFor(model.fsPath);
  try {
    await access(path);
  } catch {
    return null;
  }
  return parseDocument(await vscode.workspace.openTextDocument(path)).config;
}
