import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config/config';
import { root } from '../support/vscode/paths';
import { exampleWorkspace, makeWorkspace } from '../support/vscode/workspace';
import { openWindow } from './fixture';
import { config, model, startQuantizing } from './quantize-steps';

test('a right-click on the model ends in its config, within the budget', async () => {
  const window = await openWindow({ workspace: await exampleWorkspace() });
  const progress = window.notifications.waitFor(`Quantizing ${model}`); // it may be short, so it is awaited from the start
  await Promise.all([progress, startQuantizing(window, 4)]);
  await window.editor.waitForActive(config);
  const summary = await window.notifications.waitFor('bits on average');
  expect(summary).toContain(model);
  expect(summary).toMatch(/answers? changes?/);
  expect(summary).not.toContain('optimal');

  const text = readFileSync(join(window.workspace, config), 'utf8');
  const written = parseConfig(text, config);
  expect(written.calibration).toMatchObject({ path: 'calibration', preprocessing: { preset: 'cifar10' } });
  expect(written.totals.bytes).toBeLessThanOrEqual(written.totals.budgetBytes);
  // The bit map beside it may have the focus by now.
  await window.editor.focus(config);
  expect(await window.editor.visibleText()).toContain(`"file": "${model}"`);
  await window.explorer.item(config).waitFor();
});

test('the sizes that a budget means are shown before it is chosen', async () => {
  const window = await openWindow({ workspace: await exampleWorkspace(16) });
  await window.explorer.choose(model, 'Quantize with OMPQ');
  await window.quickInput.waitFor('calibration data');
  await window.quickInput.item(/calibration.*16 images/).waitFor();
  await window.quickInput.choose('calibration data', 'calibration');
  await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
  await window.quickInput.waitFor('budget');
  const sizes = await vi.waitFor(async () => {
    const shown = (await window.quickInput.rows()).flatMap(sizeOf);
    expect(shown.length).toBeGreaterThanOrEqual(4);
    return shown;
  }, 60_000);
  for (let i = 1; i < sizes.length; i++) {
    expect(sizes[i].bits).toBeLessThan(sizes[i - 1].bits);
    expect(sizes[i].size).toBeLessThan(sizes[i - 1].size);
  }
  await window.quickInput.cancel();
  expect(readdirSync(window.workspace)).not.toContain(config);
});

/** Average bits and kilobytes out of a row such as "4 bits on average about 162.2 KB (1/6.7)". */
function sizeOf(row: string): { bits: number; size: number }[] {
  const found = /^([\d.]+) bits on average (?:about )?([\d.]+) (KB|MB)/.exec(row);
  if (!found) return [];
  return [{ bits: Number(found[1]), size: Number(found[2]) * (found[3] === 'MB' ? 1000 : 1) }];
}

test('Cancel in the notification stops the job and writes nothing', async () => {
  const workspace = await makeWorkspace({
    [model]: { copyOf: join(root, 'examples', model) },
    calibration: { copyOf: join(root, 'examples/test') },
  });
  // 500 images and a long search: time enough to press a button, however slow the window is
  const settings = { 'ompq.samples': 500, 'ompq.contest.searchSeconds': 120 };
  const window = await openWindow({ workspace, settings });
  await startQuantizing(window, 4);
  const job = window.notifications.find(`Quantizing ${model}`);
  await job.waitFor();
  await window.notifications.press(`Quantizing ${model}`, 'Cancel');
  await job.waitFor({ state: 'detached' });
  expect(readdirSync(window.workspace)).not.toContain(config);
  // The one of the questions before may still be fading.
  await window.notifications.find('Reading').first().waitFor({ state: 'detached' });
  expect(await window.notifications.texts()).toEqual([]);
});

test('a right-click on a folder uses it as calibration data of the only model', async () => {
  const settings = { 'ompq.objective': 'orthogonality' };
  const window = await openWindow({ workspace: await exampleWorkspace(16), settings });
  await window.explorer.choose('calibration', 'Use as Calibration Data');
  await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
  await window.quickInput.choose('budget', '4 bits on average');
  await window.editor.waitForActive(config);
  const text = readFileSync(join(window.workspace, config), 'utf8');
  expect(parseConfig(text, config).calibration.path).toBe('calibration');
});
