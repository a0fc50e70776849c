/** The listing of a model as a read-only document: `ompq-listing:/path/model.onnx.txt`. */
import * as vscode from 'vscode';
import type { ListedName, ListedNode, Listing } from '../../onnx/listing/listing';
import { DisposableStore } from '../disposableStore';
import type { Models } from '../models';

export const LISTING_SCHEME = 'ompq-listing';
const SUFFIX = '.txt';

/** Where a tensor is defined and used. */
interface Places {
  definition: ListedName | undefined;
  uses: ListedName[];
}

/** A listing with the questions that the editor asks answered by look-up. */
export class ListingIndex {
  private readonly byLine = new Map<number, ListedName[]>();
  private readonly byName = new Map<string, Places>();
  private readonly nodesByLine = new Map<number, ListedNode>();
  private readonly layers = new Map<string, ListedNode>();

  constructor(readonly listing: Listing) {
    for (const place of listing.names) {
      const line = this.byLine.get(place.line);
      if (line) line.push(place);
      else this.byLine.set(place.line, [place]);
      const places = this.byName.get(place.name) ?? { definition: undefined, uses: [] };
      if (place.role === 'definition') places.definition ??= place;
      else places.uses.push(place);
      this.byName.set(place.name, places);
    }
    for (const node of listing.nodes) {
      this.nodesByLine.set(node.line, node);
      for (const tensor of node.tensors) if (!this.layers.has(tensor)) this.layers.set(tensor, node);
    }
  }

  /** The name under the cursor. */
  at({ line, character }: vscode.Position): ListedName | undefined {
    return this.byLine.get(line)?.find((n) => n.column <= character && character <= n.column + n.length);
  }

  places(name: string): Places {
    return this.byName.get(name) ?? { definition: undefined, uses: [] };
  }

  nodeAt(line: number): ListedNode | undefined {
    return this.nodesByLine.get(line);
  }

  /** The node that puts out a layer's output, in a branch or not. */
  layer(output: string): ListedNode | undefined {
    return this.layers.get(output);
  }

  /** The node of the main graph that defines the tensor. */
  producerOf(tensor: string): ListedNode | undefined {
    const line = this.places(tensor).definition?.line;
    return line === undefined ? undefined : this.nodesByLine.get(line);
  }
}

export function listingUri(model: vscode.Uri): vscode.Uri {
  return vscode.Uri.from({ scheme: LISTING_SCHEME, path: model.path + SUFFIX });
}

export function modelOfListing(listing: vscode.Uri): vscode.Uri {
  return vscode.Uri.file(listing.with({ scheme: 'file' }).fsPath.slice(0, -SUFFIX.length));
}

export function rangeOfName({ line, column, length }: ListedName): vscode.Range {
  return new vscode.Range(line, column, line, column + length);
}

export class ListingDocuments extends DisposableStore implements vscode.TextDocumentContentProvider {
  private readonly changed = this.add(new vscode.EventEmitter<vscode.Uri>());
  readonly onDidChange = this.changed.event;
  private readonly indices = new Map<string, Promise<ListingIndex>>();

  constructor(private readonly models: Models) {
    super();
    const watcher = this.add(vscode.workspace.createFileSystemWatcher('**/*.onnx', true, false, true));
    this.add(
      watcher.onDidChange((model) => {
        const uri = listingUri(model);
        if (this.indices.delete(uri.toString())) this.changed.fire(uri);
      }),
    );
    this.add(vscode.workspace.onDidCloseTextDocument(({ uri }) => this.indices.delete(uri.toString())));
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    return (await this.index(uri)).listing.text;
  }

  index(uri: vscode.Uri): Promise<ListingIndex> {
    const key = uri.toString();
    let index = this.indices.get(key);
    if (!index) {
      index = this.models.listing(modelOfListing(uri).fsPath).then((listing) => new ListingIndex(listing));
      this.indices.set(key, index);
      index.catch(() => this.indices.delete(key));
    }
    return index;
  }
}
