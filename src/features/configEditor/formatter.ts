/** Format Document, and format on save, for configs: one line per function, as they are written. */
import * as vscode from 'vscode';
import { formatConfig } from '../../config/format';
import { minimalEdit, parseDocument } from './documents';

export class ConfigFormatter implements vscode.DocumentFormattingEditProvider {
  /** Nothing while the text is no valid config: a formatter must not lose what is being typed. */
  provideDocumentFormattingEdits(document: vscode.TextDocument): vscode.TextEdit[] {
    const { config } = parseDocument(document);
    if (!config) return [];
    // where nothing is to change, an empty edit: for an empty list VS Code asks the next formatter, its own of JSON
    const nothing = vscode.TextEdit.insert(new vscode.Position(0, 0), '');
    return [minimalEdit(document, formatConfig(config)) ?? nothing];
  }
}
