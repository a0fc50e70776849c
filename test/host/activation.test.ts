import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activated } from './extension';

describe('The extension', () => {
  it('activates', async () => {
    assert.equal((await activated()).isActive, true);
  });

  it('loads neither onnxruntime nor sharp into the extension host', async () => {
    await activated();
    const loaded = process.report.getReport() as unknown as { sharedObjects: string[] };
    const native = loaded.sharedObjects.filter((path) => /onnxruntime|sharp|vips/.test(path));
    assert.deepEqual(native, []);
  });

  it('runs where the workspace is', async () => {
    assert.equal((await activated()).extensionKind, vscode.ExtensionKind.Workspace);
  });
});
