/** The model that a command without a file means: the active editor's, or one that the user picks. */
import * as vscode from 'vscode';
import { CONFIG_SUFFIX, isExport } from '../config/paths';
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

/** The model that data are for: the only one of the workspace that is not quantized, or one that the user picks. */
export async function pickModelFor(data: vscode.Uri): Promise<vscode.Uri | undefined> {
  const found = (await modelsOfWorkspace()).filter(({ path }) => !isExport(path));
  if (found.length === 1) return found[0];
  return askModel(vscode.l10n.t('Use {0} for which model?', vscode.workspace.asRelativePath(data)), found);
}

const modelsOfWorkspace = (): Thenable<vscode.Uri[]> =>
  vscode.workspace.findFiles('**/*.onnx', '**/node_modules/**', 200);

async function askModel(title: string, known?: vscode.Uri[]): Promise<vscode.Uri | undefined> {
  const found = known ?? (await modelsOfWorkspace());
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
