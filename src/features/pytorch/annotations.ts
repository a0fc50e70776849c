/** Bits in the PyTorch source that a model was made from: inline annotations, and a CodeLens to the bit map. */
import * as vscode from 'vscode';
import { DisposableStore } from '../disposableStore';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../ids';
import type { Services } from '../services';
import { Configs } from './configs';
import { PYTHON } from './language';
import { bitsByLine, type LineBits } from './lines';

const QUIET_MILLISECONDS = 400;

export function pytorchHelpers(services: Services): vscode.Disposable[] {
  const annotations = new PytorchAnnotations(services);
  return [annotations, vscode.languages.registerCodeLensProvider(PYTHON, annotations)];
}

class PytorchAnnotations extends DisposableStore implements vscode.CodeLensProvider {
  private readonly changed = this.add(new vscode.EventEmitter<void>());
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly decoration = this.add(
    vscode.window.createTextEditorDecorationType({
      after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 2em' },
    }),
  );
  private readonly configs: Configs;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly services: Services) {
    super();
    this.configs = this.add(new Configs(services));
    const schedule = (): void => this.schedule();
    this.add(this.configs.onDidChange(schedule));
    this.add(vscode.window.onDidChangeVisibleTextEditors(schedule));
    this.add(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (vscode.languages.match(PYTHON, document) > 0) schedule();
      }),
    );
    this.add(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(`${SETTINGS_SECTION}.${SETTING.pytorchAnnotations}`)) schedule();
      }),
    );
    schedule();
  }

  override dispose(): void {
    clearTimeout(this.timer);
    super.dispose();
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    return (await this.lines(document)).map(({ line, config, functions }) => {
      const title = vscode.l10n.t('{0}: reveal in bit map', bitsText(functions.map((f) => f.bits)));
      const args = [vscode.Uri.file(config), functions[0].name];
      return new vscode.CodeLens(new vscode.Range(line, 0, line, 0), {
        title,
        command: COMMAND.openBitMap,
        arguments: args,
      });
    });
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.changed.fire();
      for (const editor of vscode.window.visibleTextEditors) {
        if (vscode.languages.match(PYTHON, editor.document) === 0) continue;
        this.decorate(editor).catch((error: unknown) => this.services.log.warn(String(error)));
      }
    }, QUIET_MILLISECONDS);
  }

  private async decorate(editor: vscode.TextEditor): Promise<void> {
    const lines = await this.lines(editor.document);
    editor.setDecorations(
      this.decoration,
      lines.map(({ line, functions }) => {
        const { end } = editor.document.lineAt(line).range;
        return {
          range: new vscode.Range(end, end),
          renderOptions: { after: { contentText: annotation(functions) } },
        };
      }),
    );
  }

  private async lines(document: vscode.TextDocument): Promise<LineBits[]> {
    const section = vscode.workspace.getConfiguration(SETTINGS_SECTION, document.uri);
    if (!section.get<boolean>(SETTING.pytorchAnnotations)) return [];
    return bitsByLine(document.getText(), await this.configs.networks());
  }
}

function annotation(functions: LineBits['functions']): string {
  const bits = bitsText(functions.map((f) => f.bits));
  if (functions.length === 1) return vscode.l10n.t('{0}, gamma {1}', bits, functions[0].gamma.toFixed(1));
  return vscode.l10n.t('{0} ({1} functions)', bits, functions.length);
}

/** [4] -> "4 bit", [2, 5, 4] -> "2-5 bit". */
function bitsText(bits: number[]): string {
  const low = Math.min(...bits);
  const high = Math.max(...bits);
  return low === high ? vscode.l10n.t('{0} bit', low) : vscode.l10n.t('{0}-{1} bit', low, high);
}
