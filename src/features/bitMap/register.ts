/** The bit map: a panel per model, kept over a reload of the window, and the same page as the editor of .onnx files. */
import * as vscode from 'vscode';
import type { SavedView } from '../../../webview/protocol';
import { COMMAND, VIEW } from '../ids';
import { reported, type Services } from '../services';
import type { BitMapPanels } from './panels';

export function registerBitMap(context: vscode.ExtensionContext, services: Services): void {
  let loaded: Promise<BitMapPanels> | undefined;
  const panels = (): Promise<BitMapPanels> => (loaded ??= load(context, services));
  context.subscriptions.push(
    vscode.commands.registerCommand(COMMAND.openBitMap, (uri?: vscode.Uri, name?: string) =>
      reported(services.log, async () => (await panels()).open(uri, name)),
    ),
    vscode.window.registerWebviewPanelSerializer(VIEW.bitMap, {
      deserializeWebviewPanel: async (panel, saved: SavedView | undefined) =>
        (await panels()).restore(panel, saved),
    }),
    vscode.window.registerCustomEditorProvider(
      VIEW.model,
      {
        openCustomDocument: (uri) => ({ uri, dispose: () => undefined }),
        resolveCustomEditor: async ({ uri }, panel) => (await panels()).edit(uri, panel),
      },
      { supportsMultipleEditorsPerDocument: false },
    ),
  );
}

async function load({ subscriptions }: vscode.ExtensionContext, services: Services): Promise<BitMapPanels> {
  const panels = new (await import('./panels')).BitMapPanels(services);
  subscriptions.push(panels);
  return panels;
}
