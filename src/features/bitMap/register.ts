/** The bit map: the editor of .onnx files, one per model. */
import * as vscode from 'vscode';
import { COMMAND, VIEW } from '../ids';
import { menuArguments } from '../menuArguments';
import { reported, type Services } from '../services';
import type { BitMapDocument, Step } from './document';
import type { BitMapEditor } from './editor';
import type { BitMapPanels } from './panels';

interface Loaded {
  panels: BitMapPanels;
  editor: BitMapEditor;
}

export function registerBitMap({ subscriptions }: vscode.ExtensionContext, services: Services): void {
  const steps = new vscode.EventEmitter<Step>();
  let loading: Promise<Loaded> | undefined;
  const loaded = (): Promise<Loaded> => (loading ??= load(subscriptions, services, steps));
  const editor = async (): Promise<BitMapEditor> => (await loaded()).editor;
  const provider: vscode.CustomEditorProvider<BitMapDocument> = {
    onDidChangeCustomDocument: steps.event,
    openCustomDocument: async (...args) => (await editor()).openCustomDocument(...args),
    resolveCustomEditor: async (...args) => (await editor()).resolveCustomEditor(...args),
    saveCustomDocument: async (...args) => (await editor()).saveCustomDocument(...args),
    saveCustomDocumentAs: async (...args) => (await editor()).saveCustomDocumentAs(...args),
    revertCustomDocument: async (...args) => (await editor()).revertCustomDocument(...args),
    backupCustomDocument: async (...args) => (await editor()).backupCustomDocument(...args),
  };
  const command = (id: string, run: (panels: BitMapPanels) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(id, () =>
      reported(services.log, async () => run((await loaded()).panels)),
    );
  subscriptions.push(
    steps,
    command(COMMAND.mapBits, (panels) => panels.setBits()),
    command(COMMAND.mapLock, (panels) => panels.act('lock')),
    command(COMMAND.mapExport, (panels) => panels.act('export')),
    command(COMMAND.mapMeasure, (panels) => panels.act('measure')),
    vscode.commands.registerCommand(COMMAND.openBitMap, (...args: [uri?: vscode.Uri, name?: string]) =>
      reported(services.log, async () => (await loaded()).panels.open(...menuArguments(args))),
    ),
    vscode.window.registerCustomEditorProvider(VIEW.model, provider, {
      supportsMultipleEditorsPerDocument: false,
      // a plan that is being solved lives in the page
      webviewOptions: { retainContextWhenHidden: true },
    }),
  );
}

async function load(
  subscriptions: vscode.Disposable[],
  services: Services,
  steps: vscode.EventEmitter<Step>,
): Promise<Loaded> {
  const [{ BitMapPanels }, { bitMapEditor }, { ExtensionHost }] = await Promise.all([
    import('./panels'),
    import('./editor'),
    import('./host'),
  ]);
  const { extensionUri, workspaceState } = services.context;
  const host = new ExtensionHost(services, extensionUri);
  const panels = new BitMapPanels(host, workspaceState, (step) => steps.fire(step));
  subscriptions.push(panels);
  return { panels, editor: bitMapEditor(panels, host) };
}
