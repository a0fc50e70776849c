/** Keys and commands of the palette that are about the bit map in front. */
import { expect, test, vi } from 'vitest';
import { exampleWorkspace } from '../support/vscode/workspace';
import { openWindow } from './fixture';
import { model, startQuantizing, untilQuantized } from './quantize-steps';

const patient = { timeout: 100_000, interval: 200 };

test('the keys lock, undo and export; the palette sets bits', async () => {
  const window = await openWindow({
    workspace: await exampleWorkspace(),
    size: { width: 1600, height: 1200 },
  });
  await startQuantizing(window, 4);
  const page = await untilQuantized(window);
  const row = page.getByRole('row', { name: '/layer1/layer1.0/conv2/Conv' });
  await row.click();
  await window.page.keyboard.press('Control+Alt+L');
  await window.editor.dirtyTab(model).waitFor();
  await vi.waitFor(async () => expect(await row.innerText()).toContain('locked'), patient);
  await window.page.keyboard.press('Control+Z');
  await window.editor.savedTab(model).waitFor();
  await window.runCommand('OMPQ: Set Bits of the Selected Layers');
  await window.quickInput.choose('Bits of the selected layers', '7 bits');
  await vi.waitFor(async () => expect(await row.innerText()).toMatch(/\n7\n+locked/), patient);
  await row.click();
  await window.page.keyboard.press('Control+Alt+E');
  await window.quickInput.waitFor('rounding method');
  await window.quickInput.cancel();
});
