import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { expect, inject, test, vi } from 'vitest';
import { type Config, parseConfig } from '../../src/config/config';
import { exampleWorkspace } from '../support/vscode/workspace';
import type { CodeWindow } from './driver';
import { openWindow } from './fixture';
import { config, model, startQuantizing, untilQuantized } from './quantize-steps';

const patient = { timeout: 300_000, interval: 200 };

/** A window in which the example has been quantized and its bit map is open beside the config. */
async function quantized(): Promise<{ window: CodeWindow; panel: FrameLocator }> {
  const window = await openWindow({
    workspace: await exampleWorkspace(),
    size: { width: 1600, height: 1200 },
  });
  await startQuantizing(window, 4);
  return { window, panel: await untilQuantized(window) };
}

/** The config as it lies on the disk. */
function onDisk(window: CodeWindow): Config {
  return parseConfig(readFileSync(join(window.workspace, config), 'utf8'), config);
}

/**
 * VS Code backs up what is dirty about a second after the last change; a browser that leaves sooner takes it along.
 * @param since milliseconds: windows of other tests have left backups, too
 */
async function untilBackedUp(locked: string, since: number): Promise<void> {
  const storage = join(dirname(inject('session').settingsFile), '../User/workspaceStorage');
  const backups = (): string[] =>
    readdirSync(storage, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.endsWith('ompq.ompq'))
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => statSync(path).mtimeMs >= since)
      .map((path) => readFileSync(path, 'utf8'));
  await vi.waitFor(
    () => expect(backups().some((text) => text.includes(`"locks":{"${locked}":`))).toBe(true),
    patient,
  );
}

test('dragging the budget solves again, and "Write config" changes the config, which can be undone', async () => {
  const { window, panel } = await quantized();
  const before = onDisk(window);
  const slider = panel.getByRole('slider', { name: 'Budget' });
  await slider.scrollIntoViewIfNeeded();
  await slider.hover(); // waits until it stands still and nothing covers it
  const box = (await slider.boundingBox())!;
  const y = box.y + box.height / 2;
  await window.page.mouse.move(box.x + box.width * 0.3, y);
  await window.page.mouse.down();
  for (const at of [0.4, 0.5, 0.6, 0.7, 0.8]) await window.page.mouse.move(box.x + box.width * at, y);
  await window.page.mouse.up();

  const write = panel.getByRole('button', { name: 'Write config' });
  await write.click();
  // the config was saved before, so it is saved again
  await vi.waitFor(() => expect(onDisk(window)).not.toEqual(before), patient);
  const after = onDisk(window);
  expect(after.totals.bytes).toBeGreaterThan(before.totals.bytes);
  expect(after.totals.bytes).toBeLessThanOrEqual(after.totals.budgetBytes);
  expect(after.functions.map((f) => f.bits)).not.toEqual(before.functions.map((f) => f.bits));

  await window.editor.focus(config);
  await window.page.keyboard.press('Control+Z');
  await window.editor.dirtyTab(config).waitFor();
  await window.page.keyboard.press('Control+S');
  await vi.waitFor(() => expect(onDisk(window)).toEqual(before), patient);
});

test('a function locked in the table is locked in the config', async () => {
  const { window, panel } = await quantized();
  const { name, bits } = onDisk(window).functions[2];
  const row = panel.getByRole('row', { name });
  await row.scrollIntoViewIfNeeded();
  await row.click();
  await panel.getByRole('button', { name: 'Lock', exact: true }).click();
  await panel.getByRole('button', { name: 'Write config' }).click();
  await vi.waitFor(
    () => expect(onDisk(window).functions[2]).toMatchObject({ name, bits, lock: true }),
    patient,
  );
});

test('the panel is found as it was after the window was reloaded, unwritten changes included', async () => {
  const { window, panel } = await quantized();
  const { name } = onDisk(window).functions[2];
  const lock = panel.getByRole('button', { name: 'Lock', exact: true });
  await panel.getByRole('row', { name }).click();
  const since = Date.now();
  await lock.click();
  const write = panel.getByRole('button', { name: 'Write config' });
  await vi.waitFor(async () => expect(await write.isEnabled()).toBe(true), patient);
  const used = await panel.locator('.used').innerText();

  await untilBackedUp(name, since);
  await window.reload();
  await write.waitFor();
  await vi.waitFor(async () => expect(await write.isEnabled()).toBe(true), patient);
  expect(await panel.locator('.used').innerText()).toBe(used);
  expect(await panel.getByRole('row', { name }).innerText()).toContain('locked');
});

test('the panel follows the config, changed on the disk or typed by hand', async () => {
  const { window, panel } = await quantized();
  const used = panel.locator('.used');
  const text = readFileSync(join(window.workspace, config), 'utf8');
  const solved = await used.innerText();
  writeFileSync(join(window.workspace, config), text.replace(/"bits": [2-5],/, '"bits": 8,'));
  await vi.waitFor(async () => expect(await used.innerText()).not.toBe(solved), patient);

  const written = await used.innerText();
  await window.editor.focus(config);
  const now = readFileSync(join(window.workspace, config), 'utf8');
  const line = now.split('\n').findIndex((each) => /"bits": [2-5],/.test(each)) + 1;
  await window.editor.placeBefore(/[2-5],/.exec(now.split('\n')[line - 1])![0], line, now);
  await window.page.keyboard.press('Delete');
  await window.page.keyboard.type('7');
  await window.editor.dirtyTab(config).waitFor();
  await vi.waitFor(async () => expect(await used.innerText()).not.toBe(written), patient);
});

test('"Write and export" writes what the panel shows and asks how to export it', async () => {
  const { window, panel } = await quantized();
  const { name, bits } = onDisk(window).functions[2];
  await panel.getByRole('row', { name }).click();
  await panel.getByRole('button', { name: 'Lock', exact: true }).click();
  await panel.getByRole('button', { name: 'Write and export' }).click();
  await window.quickInput.waitFor('rounding method');
  expect(onDisk(window).functions[2]).toMatchObject({ name, bits, lock: true });
  await window.quickInput.cancel();
});

test('a click on the model shows its functions from the file alone', async () => {
  const window = await openWindow({ workspace: await exampleWorkspace(2) });
  await window.explorer.open(model);
  const page = window.webview();
  await page.getByRole('button', { name: 'Quantize with OMPQ' }).waitFor();
  await page.getByRole('grid', { name: 'Layers' }).waitFor();
});
