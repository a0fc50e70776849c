/** The editor of .onnx files, as VS Code drives it: dirty while bits are changed but not written into the config. */
import * as vscode from 'vscode';
import { BitMapDocument } from './document';
import type { PanelHost } from './host';
import type { BitMapPanels } from './panels';

/** Everything of the provider but the event, which is there before this module is loaded. */
export type BitMapEditor = Omit<vscode.CustomEditorProvider<BitMapDocument>, 'onDidChangeCustomDocument'>;

export function bitMapEditor(panels: BitMapPanels, host: PanelHost): BitMapEditor {
  return {
    openCustomDocument: (uri, { backupId }) => BitMapDocument.open(uri, panels.configOf(uri), backupId),
    resolveCustomEditor: (document, panel) => panels.attach(document, panel),
    saveCustomDocument: (document, token) => document.save(host, token),
    saveCustomDocumentAs: () =>
      Promise.reject(
        new Error(vscode.l10n.t('Bits are saved in the config of the model. To write a model, export it.')),
      ),
    revertCustomDocument: (document) => Promise.resolve(document.revert()),
    backupCustomDocument: (document, { destination }) => document.backUp(destination),
  };
}
