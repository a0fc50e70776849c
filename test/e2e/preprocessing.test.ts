import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Frame } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { themeNames } from '../support/vscode/themes';
import { exampleWorkspace } from '../support/vscode/workspace';
import { openWindow } from './fixture';
import { model } from './quantize-steps';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function violations(frame: Frame): Promise<string[]> {
  await frame.evaluate(axeSource);
  return frame.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  });
}

test('the page of image preprocessing: axe finds nothing to complain of in any theme, and nothing is cut off', async () => {
  const window = await openWindow({ workspace: await exampleWorkspace(16) });
  await window.explorer.choose(model, 'Quantize with OMPQ');
  await window.quickInput.choose('calibration data', 'calibration');
  await window.quickInput.choose('Image preprocessing', 'Adjust');
  const page = window.webview();
  await page.locator('figure img').first().waitFor();
  await page.getByText('Compare all presets').click();
  await page.locator('.compared table').waitFor();
  const inner = await page.locator('main').first().elementHandle();
  const frame = (await inner.ownerFrame())!;
  for (const theme of themeNames) {
    await window.setTheme(theme);
    await vi.waitFor(async () => expect(await violations(frame), theme).toEqual([]), {
      timeout: 30_000,
      interval: 1000,
    });
  }
  await window.page.setViewportSize({ width: 360, height: 900 });
  await vi.waitFor(
    async () =>
      expect(await frame.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThan(2),
    { timeout: 30_000 },
  );
  await page.getByText('Use', { exact: true }).click();
  await window.quickInput.waitFor('budget');
});
