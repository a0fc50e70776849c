/** The model as text: open it, move about in it, see and change bits in it. */
import * as vscode from 'vscode';
import { COMMAND } from '../ids';
import { onFirstDocument } from '../firstDocument';
import { menuArguments } from '../menuArguments';
import { wantedModel } from '../pickModel';
import { reported, type Services } from '../services';
import { LISTING_SCHEME, ListingDocuments, listingUri } from './document';

const LANGUAGE = 'onnx-listing';

export function registerListing(context: vscode.ExtensionContext, services: Services): void {
  const documents = new ListingDocuments(services.models);
  context.subscriptions.push(
    documents,
    vscode.workspace.registerTextDocumentContentProvider(LISTING_SCHEME, documents),
    vscode.commands.registerCommand(COMMAND.openListing, (...args: [uri?: vscode.Uri, node?: string]) =>
      reported(services.log, () => open(documents, ...menuArguments(args))),
    ),
  );
  onFirstDocument(services, { scheme: LISTING_SCHEME }, async () =>
    (await import('./helpers')).listingHelpers(documents, services),
  );
}

/** @param node name of the node to show */
async function open(
  documents: ListingDocuments,
  given: vscode.Uri | undefined,
  node?: string,
): Promise<void> {
  const model = given ?? (await wantedModel(vscode.l10n.t('Open model listing: which model?')));
  if (!model) return;
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
