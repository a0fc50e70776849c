/** Everything a listing gets in the text editor. */
import * as vscode from 'vscode';
import type { Services } from '../services';
import { ListingBits } from './bits';
import { LISTING_SCHEME, type ListingDocuments } from './document';
import { Navigation } from './navigation';

export function listingHelpers(documents: ListingDocuments, services: Services): vscode.Disposable[] {
  const selector: vscode.DocumentSelector = { scheme: LISTING_SCHEME };
  const navigation = new Navigation(documents, services);
  const bits = new ListingBits(documents, services);
  return [
    bits,
    vscode.languages.registerFoldingRangeProvider(selector, navigation),
    vscode.languages.registerDocumentSymbolProvider(selector, navigation),
    vscode.languages.registerDefinitionProvider(selector, navigation),
    vscode.languages.registerReferenceProvider(selector, navigation),
    vscode.languages.registerHoverProvider(selector, navigation),
    vscode.languages.registerCodeLensProvider(selector, bits),
  ];
}
