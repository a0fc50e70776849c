/** "Try it on the sample model": copies the example to a folder of the user's choice, opens and quantizes it. */
import { cp, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { COMMAND } from './ids';
import type { Choices } from './quantize';
import type { Services } from './services';

const MODEL = 'resnet_cifar10.onnx';
const FOLDER = 'ompq-example';

/** @param target the folder to copy into; asked for by default */
export async function trySample({ context }: Services, target?: vscode.Uri): Promise<void> {
  const parent = target ?? (await pickFolder());
  if (!parent) return;
  const folder = join(parent.fsPath, FOLDER);
  // A sample that was tried before is opened again: its config may hold the user's own bits.
  if (!(await exists(folder))) await cp(context.asAbsolutePath('examples'), folder, { recursive: true });
  const model = vscode.Uri.file(join(folder, MODEL));
  await vscode.window.showTextDocument(vscode.Uri.file(join(folder, 'model.py')), { preview: false });
  const choices: Choices = {
    data: { path: join(folder, 'calibration'), preprocessing: { preset: 'cifar10' } },
    budget: { averageBits: 4 },
  };
  await vscode.commands.executeCommand(COMMAND.quantize, model, choices);
}

async function pickFolder(): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Where to put the folder {0}', FOLDER),
    defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir()),
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: vscode.l10n.t('Put the sample here'),
  });
  return picked?.[0];
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
