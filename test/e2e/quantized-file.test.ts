/** From the right-click to a measured file in five clicks, and what that file shows when it is opened. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exampleWorkspace } from '../support/vscode/workspace';
import { openWindow } from './fixture';
import { answerQuestions, model } from './quantize-steps';

const quantized = 'resnet_cifar10.quantized.onnx';

test('five clicks end in a measured file; opened, it shows its bits, and its original is offered instead', async () => {
  const window = await openWindow({
    workspace: await exampleWorkspace(),
    size: { width: 1600, height: 1200 },
  });
  // A right-click, a choice from the menu and three answers: nothing else is clicked before the file is measured.
  await window.explorer.choose(model, 'Quantize and Export');
  await answerQuestions(window, 4);
  expect(await window.notifications.waitFor('times smaller')).toMatch(/Same answer on \d+\.\d % of 64/);
  expect(existsSync(join(window.workspace, quantized))).toBe(true);
  await window.runCommand('Notifications: Clear All Notifications');

  await window.runCommand('View: Close All Editors');
  await window.explorer.open(quantized);
  const page = window.webview();
  const note = page.getByText('This file was quantized by OMPQ');
  await note.waitFor();
  expect(await note.innerText()).toContain(`in the layers of ${model}`);
  expect(await note.innerText()).toContain('has the same bits today');
  expect(await page.getByRole('row', { name: '/layer1/layer1.0/conv2/Conv' }).innerText()).toMatch(
    /\n[2-8]\n/,
  );
  expect(await page.getByRole('button', { name: 'Quantize with OMPQ' }).count()).toBe(0);
  await page.getByRole('button', { name: `Open ${model}` }).click();
  await window.editor.waitForActive(new RegExp(`^${model}`));

  await window.explorer.choose(quantized, 'Quantize with OMPQ');
  const dialog = window.page.locator('.monaco-dialog-box');
  await dialog.getByText('was quantized by OMPQ already').waitFor();
  await dialog.getByRole('button', { name: `Quantize ${model}` }).click();
  await window.quickInput.waitFor('calibration data');
  await window.quickInput.cancel();
});
