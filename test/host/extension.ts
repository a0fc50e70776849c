import assert from 'node:assert/strict';
import * as vscode from 'vscode';

/** The parts of package.json that the tests look at. */
export interface Manifest {
  contributes: {
    commands: { command: string; title: string }[];
    configuration: {
      properties: Record<string, { description?: string; markdownDescription?: string; scope?: string }>;
    };
    menus: Record<string, { command?: string; when?: string }[]>;
    jsonValidation: { fileMatch: string | string[]; url: string }[];
  };
}

/** This extension, activated. */
export async function activated(): Promise<vscode.Extension<unknown>> {
  const extension = vscode.extensions.getExtension('ompq.ompq');
  assert.ok(extension, 'VS Code does not know the extension ompq.ompq');
  await extension.activate();
  return extension;
}

/** A file of the workspace that the launcher opened. */
export function workspaceFile(path: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'no folder is open');
  return vscode.Uri.joinPath(folder.uri, path);
}
