/** Moving about in a listing: folding, outline, definition, references, hover. */
import * as vscode from 'vscode';
import { rangeOfName, type ListingDocuments, modelOfListing } from './document';
import type { Services } from '../services';

export class Navigation
  implements
    vscode.FoldingRangeProvider,
    vscode.DocumentSymbolProvider,
    vscode.DefinitionProvider,
    vscode.ReferenceProvider,
    vscode.HoverProvider
{
  constructor(
    private readonly documents: ListingDocuments,
    private readonly services: Services,
  ) {}

  provideFoldingRanges(document: vscode.TextDocument): vscode.FoldingRange[] {
    const open: number[] = [];
    const ranges: vscode.FoldingRange[] = [];
    for (let line = 0; line < document.lineCount; line++) {
      const text = document.lineAt(line).text;
      const trimmed = text.trim();
      if (/^[{<]$/.test(trimmed) || / <$|\) \{$/.test(text)) open.push(line);
      else if (/^[}>]/.test(trimmed)) {
        const start = open.pop();
        if (start !== undefined && line > start) ranges.push(new vscode.FoldingRange(start, line));
      }
    }
    return ranges;
  }

  async provideDocumentSymbols(document: vscode.TextDocument): Promise<vscode.DocumentSymbol[]> {
    const { listing } = await this.documents.index(document.uri);
    const roots: vscode.DocumentSymbol[] = [];
    const path: vscode.DocumentSymbol[] = [];
    for (const node of listing.nodes) {
      const range = new vscode.Range(node.line, 0, node.lastLine, document.lineAt(node.lastLine).text.length);
      const symbol = new vscode.DocumentSymbol(
        node.name || node.outputs[0] || node.op,
        node.op,
        vscode.SymbolKind.Function,
        range,
        new vscode.Range(node.line, 0, node.line, document.lineAt(node.line).text.length),
      );
      path.length = Math.min(path.length, node.depth);
      (path.at(-1)?.children ?? roots).push(symbol);
      path.push(symbol);
    }
    return roots;
  }

  async provideDefinition(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): Promise<vscode.Location | null> {
    const index = await this.documents.index(document.uri);
    const name = index.at(position);
    const definition = name && index.places(name.name).definition;
    return definition ? new vscode.Location(document.uri, rangeOfName(definition)) : null;
  }

  async provideReferences(
    document: vscode.TextDocument,
    position: vscode.Position,
    { includeDeclaration }: vscode.ReferenceContext,
  ): Promise<vscode.Location[]> {
    const index = await this.documents.index(document.uri);
    const name = index.at(position);
    if (!name) return [];
    const { definition, uses } = index.places(name.name);
    const places = definition && includeDeclaration ? [definition, ...uses] : uses;
    return places.map((place) => new vscode.Location(document.uri, rangeOfName(place)));
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | null> {
    const index = await this.documents.index(document.uri);
    const name = index.at(position);
    if (!name) return null;
    const { listing } = index;
    const text = new vscode.MarkdownString();
    text.appendCodeblock(`${listing.types[name.name] ?? 'unknown'} ${name.name}`, 'onnx-listing');
    const producer = index.producerOf(name.name);
    if (producer) text.appendText(`${producer.op} ${producer.name}`);
    if (listing.stored.includes(name.name)) {
      const { min, max, mean, deviation, zeros, count } = await this.services.models.statistics(
        modelOfListing(document.uri).fsPath,
        name.name,
      );
      const digits = (value: number): string => String(Number(value.toPrecision(4)));
      text.appendMarkdown(
        `${count} values: min ${digits(min)}, max ${digits(max)}, mean ${digits(mean)}, ` +
          `standard deviation ${digits(deviation)}, ${((100 * zeros) / Math.max(1, count)).toFixed(1)} % zeros`,
      );
    }
    return new vscode.Hover(text, rangeOfName(name));
  }
}
