/** Inline annotations at the line ends of a config: share of the model, and how redundant the function is. */
import * as vscode from 'vscode';
import { DisposableStore } from '../disposableStore';
import { isConfigDocument, parseDocument, rangeOf } from './documents';

export class Annotations extends DisposableStore {
  private readonly decoration = this.add(
    vscode.window.createTextEditorDecorationType({
      after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 2em' },
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
    }),
  );

  constructor() {
    super();
    this.add(
      vscode.window.onDidChangeVisibleTextEditors((editors) =>
        editors.forEach((editor) => this.update(editor)),
      ),
    );
    this.add(vscode.workspace.onDidChangeTextDocument(({ document }) => this.updateDocument(document)));
    vscode.window.visibleTextEditors.forEach((editor) => this.update(editor));
  }

  private updateDocument(document: vscode.TextDocument): void {
    vscode.window.visibleTextEditors
      .filter((editor) => editor.document === document)
      .forEach((editor) => this.update(editor));
  }

  private update(editor: vscode.TextEditor): void {
    if (!isConfigDocument(editor.document)) return;
    editor.setDecorations(this.decoration, annotate(editor.document));
  }
}

function annotate(document: vscode.TextDocument): vscode.DecorationOptions[] {
  const { config, located } = parseDocument(document);
  if (!config || !located) return [];
  const byName = new Map(config.functions.map((f) => [f.name, f]));
  return located.functions.flatMap((place) => {
    const f = byName.get(place.name);
    if (!f) return [];
    const share = ((100 * f.bytes) / Math.max(1, config.totals.bytes)).toFixed(1);
    const { line } = rangeOf(document, place.span).end;
    const end = document.lineAt(line).range.end;
    return {
      range: new vscode.Range(end, end),
      renderOptions: {
        after: {
          contentText: vscode.l10n.t(
            '{0} bit, was 32 - {1} % of the model - gamma {2}',
            f.bits,
            share,
            f.gamma.toFixed(1),
          ),
        },
      },
    };
  });
}
