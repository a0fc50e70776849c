/** The model that a command without a file means: the active editor's, or one that the user picks. */
import * as vscode from 'vscode';
import { CONFIG_SUFFIX } from '../config/paths';
import { pickOne } from './pickOne';

/** undefined: the user pressed Escape. */
export async function wantedModel(title: string): Promise<vscode.Uri | undefined> {
  const active = activeFile();
  return active?.path.toLowerCase().endsWith('.onnx') ? active : askModel(title);
}

/** A model or a config that the active editor shows. */
export function activeFile(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const uri =
    input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? input.uri : undefined;
  return uri && isOurs(uri.path) ? uri : undefined;
}

function isOurs(path: string): boolean {
  return path.endsWith(CONFIG_SUFFIX) || path.toLowerCase().endsWith('.onnx');
}

async function askModel(title: string): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles('**/*.onnx', '**/node_modules/**', 200);
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  const browse = { label: `$(folder-opened) ${vscode.l10n.t('Browse...')}`, uri: undefined };
  const item = await pickOne([...items, browse], {
    title,
    placeholder: vscode.l10n.t('An .onnx file of the workspace, or any other'),
  });
  if (item !== browse) return item?.uri;
  const picked = await vscode.window.showOpenDialog({ filters: { ONNX: ['onnx'] } });
  return picked?.[0];
}
