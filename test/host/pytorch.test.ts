import assert from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated, workspaceFile } from './extension';
import { copyOfModel, quantize } from './job';

describe('The PyTorch source of a model', () => {
  const set = (name: string, value: unknown): Thenable<void> =>
    vscode.workspace
      .getConfiguration(SETTINGS_SECTION)
      .update(name, value, vscode.ConfigurationTarget.Workspace);
  after(() => set(SETTING.pytorchAnnotations, undefined));
  after(() => set(SETTING.objective, undefined));

  it('carries bits, and none once the setting is off', async () => {
    const { extensionPath } = await activated();
    // configs of other tests that disagree would make the source ambiguous
    rmSync(workspaceFile('copies').fsPath, { recursive: true, force: true });
    await set(SETTING.objective, 'orthogonality');
    assert.ok(await quantize(copyOfModel()));
    const { uri } = await vscode.workspace.openTextDocument(source(extensionPath));
    const lenses = async (): Promise<number> =>
      (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri)).length;
    const deadline = Date.now() + 300_000;
    while ((await lenses()) === 0 && Date.now() < deadline)
      await new Promise((done) => setTimeout(done, 200));
    assert.ok((await lenses()) > 0, 'no line carries bits');
    await set(SETTING.pytorchAnnotations, false);
    assert.equal(await lenses(), 0);
  });
});

function source(extensionPath: string): vscode.Uri {
  const copy = workspaceFile('model.py');
  copyFileSync(join(extensionPath, 'examples/model.py'), copy.fsPath);
  return copy;
}
