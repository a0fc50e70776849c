/** What is changed in the bit map and not written: VS Code marks it, undoes it, saves it and asks before it is lost. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator, Locator } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { parseConfig, type Config } from '../../src/config/config';
import { exampleWorkspace } from '../support/vscode/workspace';
import type { CodeWindow } from './driver';
import { openWindow } from './fixture';
import { config, model, startQuantizing, untilQuantized } from './quantize-steps';

const patient = { timeout: 300_000, interval: 200 };

/** The third layer is locked in the page, and nothing is written. */
async function changed(): Promise<{ window: CodeWindow; page: FrameLocator; row: Locator; before: Config }> {
  const window = await openWindow({
    workspace: await exampleWorkspace(),
    size: { width: 1600, height: 1200 },
  });
  await startQuantizing(window, 4);
  const page = await untilQuantized(window);
  const before = onDisk(window);
  const row = page.getByRole('row', { name: before.functions[2].name });
  await row.click();
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  await window.editor.dirtyTab(model).waitFor();
  return { window, page, row, before };
}

function onDisk(window: CodeWindow): Config {
  return parseConfig(readFileSync(join(window.workspace, config), 'utf8'), config);
}

async function closeAndAnswer(window: CodeWindow, answer: string): Promise<void> {
  await window.editor.tab(model).click();
  await window.runCommand('View: Close Editor');
  await window.page.locator('.monaco-dialog-box').getByRole('button', { name: answer, exact: true }).click();
}

test('closing the bit map asks, and keeps, drops or writes what was changed', async () => {
  const { window, page, row, before } = await changed();
  await closeAndAnswer(window, 'Cancel');
  expect(await row.innerText()).toContain('locked');
  await closeAndAnswer(window, "Don't Save");
  await window.editor.tab(model).waitFor({ state: 'detached' });
  expect(onDisk(window)).toEqual(before);

  await window.explorer.open(model);
  await row.waitFor();
  expect(await row.innerText()).not.toContain('locked');
  await row.click();
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  await window.editor.dirtyTab(model).waitFor();
  await closeAndAnswer(window, 'Save');
  await window.editor.tab(model).waitFor({ state: 'detached' });
  await vi.waitFor(() => expect(onDisk(window).functions[2].lock).toBe(true), patient);
});

test('Ctrl+S writes the config, Ctrl+Z takes the step back, Revert drops it', async () => {
  const { window, row, before } = await changed();
  const { keyboard } = window.page;
  await keyboard.press('Control+S');
  await window.editor.savedTab(model).waitFor();
  expect(onDisk(window).functions[2].lock).toBe(true);

  await row.click();
  await keyboard.press('Control+Z');
  await window.editor.dirtyTab(model).waitFor();
  await vi.waitFor(async () => expect(await row.innerText()).not.toContain('locked'), patient);
  await keyboard.press('Control+Y');
  await window.editor.savedTab(model).waitFor();
  await vi.waitFor(async () => expect(await row.innerText()).toContain('locked'), patient);
  await keyboard.press('Control+Z');
  await window.editor.dirtyTab(model).waitFor();
  await window.runCommand('File: Revert File');
  await window.editor.savedTab(model).waitFor();
  await vi.waitFor(async () => expect(await row.innerText()).toContain('locked'), patient);
  expect(onDisk(window).functions.map((f) => f.bits)).toEqual(before.functions.map((f) => f.bits));
});
