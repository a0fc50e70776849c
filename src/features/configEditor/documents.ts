/** Config documents: what is open as text, parsed once per version, and edits that undo can take back. */
import * as vscode from 'vscode';
import { CONFIG_SUFFIX, parseConfig, type Config } from '../../config/config';
import { formatConfig } from '../../config/format';
import { locate, type Located, type Span } from '../../config/locate';

export const CONFIG_SELECTOR: vscode.DocumentSelector = { pattern: `**/*${CONFIG_SUFFIX}` };

export interface ParsedDocument {
  /** null while the text is no valid config. */
  config: Config | null;
  located: Located | null;
}

const parsed = new WeakMap<vscode.TextDocument, { version: number; value: ParsedDocument }>();

export function isConfigDocument(document: vscode.TextDocument): boolean {
  return document.uri.path.endsWith(CONFIG_SUFFIX) && document.uri.scheme !== 'git';
}

export function parseDocument(document: vscode.TextDocument): ParsedDocument {
  const known = parsed.get(document);
  if (known?.version === document.version) return known.value;
  const text = document.getText();
  const value = { config: tryParse(text, document.fileName), located: locate(text) };
  parsed.set(document, { version: document.version, value });
  return value;
}

function tryParse(text: string, file: string): Config | null {
  try {
    return parseConfig(text, file);
  } catch {
    return null;
  }
}

export function rangeOf(document: vscode.TextDocument, { offset, length }: Span): vscode.Range {
  return new vscode.Range(document.positionAt(offset), document.positionAt(offset + length));
}

/** The config at `uri` (default: the active editor's) as it is in the editor now. @throws ConfigError */
export async function configOf(
  uri: vscode.Uri | undefined,
): Promise<{ uri: vscode.Uri; document: vscode.TextDocument; config: Config }> {
  const document = uri
    ? await vscode.workspace.openTextDocument(uri)
    : vscode.window.activeTextEditor?.document;
  if (!document || !isConfigDocument(document))
    throw new Error(vscode.l10n.t('Open an .ompq.json config first.'));
  return { uri: document.uri, document, config: parseConfig(document.getText(), document.fileName) };
}

/** Replaces only what differs, so that undo takes back one change; saves where the document was saved before. */
export async function replaceConfig(document: vscode.TextDocument, config: Config): Promise<void> {
  const change = minimalEdit(document, formatConfig(config));
  if (!change) return;
  const edit = new vscode.WorkspaceEdit();
  edit.set(document.uri, [change]);
  const wasDirty = document.isDirty;
  if (!(await vscode.workspace.applyEdit(edit)))
    throw new Error(vscode.l10n.t('{0} could not be edited.', document.fileName));
  if (!wasDirty && !(await document.save()))
    throw new Error(vscode.l10n.t('{0} could not be saved.', document.fileName));
}

/** The one replacement that makes `after` of the document; null where it is that already. */
export function minimalEdit(document: vscode.TextDocument, after: string): vscode.TextEdit | null {
  const before = document.getText();
  if (before === after) return null;
  const start = commonPrefix(before, after);
  const end = commonSuffix(before, after, start);
  return vscode.TextEdit.replace(
    rangeOf(document, { offset: start, length: before.length - end - start }),
    after.slice(start, after.length - end),
  );
}

function commonPrefix(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let n = 0;
  while (n < limit && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  return n;
}

function commonSuffix(a: string, b: string, prefix: number): number {
  const limit = Math.min(a.length, b.length) - prefix;
  let n = 0;
  while (n < limit && a.charCodeAt(a.length - 1 - n) === b.charCodeAt(b.length - 1 - n)) n++;
  return n;
}
