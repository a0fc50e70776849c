/** The model as text: open it, move about in it, see and change bits in it. */
import * as vscode from 'vscode';
import { COMMAND } from '../ids';
import { reported, type Services } from '../services';
import { ListingBits } from './bits';
import { LISTING_SCHEME, ListingDocuments, listingUri } from './document';
import { Navigation } from './navigation';

const LANGUAGE = 'onnx-listing';

export function registerListing(context: vscode.ExtensionContext, services: Services): void {
  const documents = new ListingDocuments(services.models);
  const navigation = new Navigation(documents, services);
  const bits = new ListingBits(documents, services);
  const selector: vscode.DocumentSelector = { scheme: LISTING_SCHEME };
  context.subscriptions.push(
    documents,
    bits,
    vscode.workspace.registerTextDocumentContentProvider(LISTING_SCHEME, documents),
    vscode.languages.registerFoldingRangeProvider(selector, navigation),
    vscode.languages.registerDocumentSymbolProvider(selector, navigation),
    vscode.languages.registerDefinitionProvider(selector, navigation),
    vscode.languages.registerReferenceProvider(selector, navigation),
    vscode.languages.registerHoverProvider(selector, navigation),
    vscode.languages.registerCodeLensProvider(selector, bits),
    vscode.commands.registerCommand(COMMAND.openListing, (uri?: vscode.Uri, node?: string) =>
      reported(services.log, () => open(documents, uri, node)),
    ),
  );
}

/** @param node name of the node to show */
async function open(
  documents: ListingDocuments,
  model: vscode.Uri | undefined,
  node?: string,
): Promise<void> {
  if (!model) throw new Error(vscode.l10n.t('Choose an .onnx file in the Explorer first.'));
  const uri = listingUri(model);
  const document = await vscode.languages.setTextDocumentLanguage(
    await vscode.workspace.openTextDocument(uri),
    LANGUAGE,
  );
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  const line = (await documents.index(uri)).listing.nodes.find((n) => n.name === node)?.line;
  if (node === undefined || line === undefined) return;
  editor.selection = new vscode.Selection(line, 0, line, 0);
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenter);
}
