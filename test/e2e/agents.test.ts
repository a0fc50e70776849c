import { test } from 'vitest';
import { exampleWorkspace } from '../support/vscode/workspace';
import { openWindow } from './fixture';
import { model } from './quantize-steps';

test('VS Code lists the server of the tools for agents', async () => {
  const settings = { 'chat.disableAIFeatures': false };
  const window = await openWindow({ workspace: await exampleWorkspace(1), settings });
  await window.explorer.item(model).click();
  await window.webview().getByRole('heading', { name: model }).waitFor();
  await window.runCommand('MCP: List Servers');
  await window.quickInput.item('OMPQ').first().waitFor();
});
