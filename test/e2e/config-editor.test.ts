import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { root } from '../support/vscode/paths';
import { exampleWorkspace } from '../support/vscode/workspace';
import type { CodeWindow } from './driver';
import { openWindow } from './fixture';
import { config, model, startQuantizing, untilQuantized } from './quantize-steps';

const patient = { timeout: 300_000, interval: 200 };

async function quantized(): Promise<CodeWindow> {
  const window = await openWindow({
    workspace: await exampleWorkspace(),
    size: { width: 1600, height: 1000 },
    settings: { 'ompq.lenses': 'all' },
  });
  await startQuantizing(window, 4);
  await untilQuantized(window);
  return window;
}

test('CodeLens: a click on "lock" locks the function in the text', async () => {
  const window = await quantized();
  await window.editor.focus(config);
  expect(await window.editor.visibleText()).not.toContain('"lock": true');
  await window.editor
    .lens(/\block\b/)
    .first()
    .click();
  await vi.waitFor(async () => expect(await window.editor.visibleText()).toContain('"lock": true'), patient);
});

test('CodeLens of the listing: a click changes the bits in the config', async () => {
  const window = await quantized();
  await window.explorer.choose(model, 'Open Model Listing');
  const lens = window.editor.lens(/\d bit: change/).first();
  await lens.waitFor();
  const before = readFileSync(join(window.workspace, config), 'utf8');
  await lens.click();
  await window.quickInput.choose('Bits of', '3 bits');
  // the config was saved before, so it is saved again
  await vi.waitFor(() => {
    const after = readFileSync(join(window.workspace, config), 'utf8');
    const changed = after.split('\n').filter((line, i) => line !== before.split('\n')[i]);
    expect(changed.filter((line) => /"bits": 3, +"lock": true/.test(line))).toHaveLength(1);
  }, patient);
});

test('PyTorch source: the lines that make the layers carry their bits', async () => {
  const window = await quantized();
  copyFileSync(join(root, 'examples/model.py'), join(window.workspace, 'model.py'));
  await window.explorer.open('model.py');
  await window.editor.waitForActive('model.py');
  const lenses = window.editor.lens(/\d bit: reveal in bit map/);
  await vi.waitFor(async () => expect(await lenses.count()).toBe(5), patient);
  // The stem and the classifier are pinned; each line of a block makes several layers.
  expect(await lenses.filter({ hasText: /^8 bit/ }).count()).toBe(2);
});
