import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import type { Locator } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { resnet18 } from '../support/models/zoo';
import { root } from '../support/vscode/paths';
import { exampleWorkspace, makeWorkspace } from '../support/vscode/workspace';
import type { CodeWindow } from './driver';
import { openWindow } from './fixture';
import { answerQuestions, config, model, untilQuantized } from './quantize-steps';

const row = (window: CodeWindow, text: string | RegExp): Locator =>
  window.page.locator('.pane-body .monaco-list-row').filter({ hasText: text });

async function openView(window: CodeWindow): Promise<void> {
  await window.page.locator('.activitybar').getByRole('tab', { name: /OMPQ/ }).click();
  await row(window, '.onnx').first().waitFor();
}

test('two models run one after the other; each job can be cancelled in the view of models, waiting or running', async () => {
  // Eleven million weights, which take a minute and more: the example is through before the view is open. Two networks, so that
  // no cache knows the answer for the second.
  const network = (seed: number) => toBinary(ModelProtoSchema, resnet18({ size: 128, classes: 10, seed }));
  const workspace = await makeWorkspace({
    'a.onnx': network(1),
    'b.onnx': network(2),
    calibration: { copyOf: join(root, 'examples/test') },
  });
  const settings = { 'ompq.samples': 500, 'ompq.contest.searchSeconds': 120 };
  const window = await openWindow({ workspace, settings });
  await window.explorer.item('a.onnx').click();
  await window.explorer.item('b.onnx').click({ modifiers: ['Control'] });
  await window.explorer.choose('b.onnx', 'Quantize with OMPQ');
  await answerQuestions(window, 4);
  await openView(window);
  const [first, second] = [row(window, 'Quantizing a.onnx'), row(window, 'Quantizing b.onnx')];
  await second.filter({ hasText: 'waiting' }).waitFor();
  // Under way: when it begins, the whole list is drawn anew, and a row may not be the one that was looked for.
  await first.filter({ hasText: /[1-9]\d* %/ }).waitFor();
  for (const job of [second, first]) {
    await job.hover();
    await job.locator('.action-label').first().click();
    await job.waitFor({ state: 'detached' });
  }
  await window.notifications.find('Quantizing').first().waitFor({ state: 'detached' });
  await window.notifications.find('Reading').first().waitFor({ state: 'detached' });
  expect(await window.notifications.texts()).toEqual([]);
  expect(readdirSync(workspace).filter((name) => name.endsWith('.json'))).toEqual([]);
});

test('two runs of a model are compared side by side, with the layers whose bits differ', async () => {
  const settings = { 'ompq.objective': 'orthogonality' };
  const window = await openWindow({ workspace: await exampleWorkspace(), settings });
  for (const bits of [4, 3]) {
    await window.explorer.choose(model, 'Quantize with OMPQ');
    await answerQuestions(window, bits);
    await untilQuantized(window);
    await window.explorer.choose(config, 'Export Quantized Model');
    await window.quickInput.choose('rounding method', 'Nearest');
    await window.quickInput.choose('activations', 'Weights only');
    await window.quickInput.waitFor('Export quantized model');
    await window.page.keyboard.press('Enter');
    await window.notifications.waitFor('times smaller');
    await window.runCommand('Notifications: Clear All Notifications');
  }
  await openView(window);
  await row(window, model).first().locator('.monaco-tl-twistie').click();
  const runs = row(window, /quantized.*onnx.*KB/);
  await vi.waitFor(async () => expect(await runs.count()).toBe(2), 30_000);
  await runs.nth(0).click();
  await runs.nth(1).click({ modifiers: ['Control'] });
  await runs.nth(1).click({ button: 'right' });
  await window.menu.appears('Compare Runs');
  await window.menu.choose('Compare Runs');
  const preview = window.page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
  await preview.getByRole('heading', { name: 'Two runs side by side' }).waitFor();
  await preview.getByRole('heading', { name: /Layers with other bits: \d+ of \d+/ }).waitFor();
});
