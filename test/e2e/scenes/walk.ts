/** A walk past what few look at: typing beside the panel, a live theme switch, the quick fix, limits, Adopt, the doctor. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { config, model, startQuantizing, untilQuantized } from '../quantize-steps';
import type { Scene } from '../scene';

const scene: Scene = {
  settings: { 'ompq.contest.searchSeconds': 2 },
  async play(window) {
    const { page } = window;
    const step = async (name: string, run: () => Promise<void>): Promise<void> => {
      try {
        page.setDefaultTimeout(15_000);
        await run();
      } catch (error) {
        console.log(`FAILED ${name}: ${String(error).slice(0, 500)}`);
        await window.screenshot(`failed-${name}`);
      } finally {
        page.setDefaultTimeout(100_000);
      }
    };
    const other = async (): Promise<void> => {
      await window.setTheme('light');
      await page.waitForTimeout(1200);
    };
    await startQuantizing(window, 4);
    await page.locator('.statusbar-item', { hasText: 'OMPQ' }).first().waitFor();
    await page.waitForTimeout(1500);
    await window.screenshot('job');
    const panel = await untilQuantized(window);
    await page.waitForTimeout(1500);
    await window.screenshot('half-width');
    await step('typing', async () => {
      await window.editor.focus(config);
      const text = readFileSync(join(window.workspace, config), 'utf8');
      const line = text.split('\n').findIndex((each) => /"bits": [2-6],/.test(each)) + 1;
      const [digit] = /[2-6],/.exec(text.split('\n')[line - 1])!;
      await window.editor.placeBefore(digit, line, text);
      await page.keyboard.press('Delete');
      await page.keyboard.type('8');
      await page.waitForTimeout(2500);
      await window.screenshot('typed');
      for (let times = 0; times < 2; times++) await page.keyboard.press('Control+Z');
      await window.editor.savedTab(config).waitFor();
    });
    await page.setViewportSize({ width: 1400, height: 1000 });
    await window.editor.tab(model).click();
    await window.runCommand('View: Close Primary Side Bar');
    await window.runCommand('View: Maximize Editor Group');
    await page.waitForTimeout(1500);
    const limits = panel.getByRole('group', { name: 'Limits' });
    await step('limit-add', async () => {
      await limits.scrollIntoViewIfNeeded();
      await limits.getByRole('combobox').click();
      await window.screenshot('limit-menu');
      await limits.getByRole('option').nth(1).click();
      await page.waitForTimeout(1000);
      const field = limits.locator('vscode-text-field input').first();
      console.log(`limit: ${await field.inputValue()}`);
      await window.screenshot('limit-added');
      await field.fill((await field.inputValue()).replace(/[\d.]+/, (value) => String(Number(value) * 0.9)));
      await field.press('Enter');
      await page.waitForTimeout(1500);
      await window.screenshot('limit-edited');
      await limits.getByRole('button', { name: 'Remove' }).first().click();
      await page.waitForTimeout(1500);
      await window.screenshot('limit-removed');
    });
    await step('adopt', async () => {
      const adopt = panel.getByRole('button', { name: /Adopt/ }).first();
      await adopt.scrollIntoViewIfNeeded();
      await window.screenshot('contest');
      await adopt.click();
      await page.waitForTimeout(1500);
      await window.screenshot('adopted');
    });
    await step('theme', async () => {
      await panel.getByRole('grid', { name: 'Layers' }).scrollIntoViewIfNeeded();
      await other();
      await window.screenshot('lower-table');
      await limits.scrollIntoViewIfNeeded();
      await page.waitForTimeout(800);
      await window.screenshot('lower-middle');
      await window.setTheme('hc-dark');
      await page.waitForTimeout(1200);
      await window.screenshot('lower-middle');
      await window.setTheme('dark');
      await page.waitForTimeout(800);
    });
    await window.runCommand('View: Reset Editor Group Sizes');
    await step('quick-fix', async () => {
      const path = join(window.workspace, config);
      writeFileSync(
        path,
        readFileSync(path, 'utf8').replace(/"sha256": "[0-9a-f]{8}/, '"sha256": "00000000'),
      );
      await window.editor.focus(config);
      await page.keyboard.press('Control+Home');
      await page.locator('.squiggly-warning').first().waitFor();
      await window.runCommand('Go to Next Problem (Error, Warning, Info)');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+.');
      await page.waitForTimeout(1500);
      await window.screenshot('fixes');
      await page.keyboard.press('Enter');
      await page.waitForTimeout(2500);
      await window.screenshot('fixed');
      await window.quickInput.cancel();
    });
    await step('doctor', async () => {
      await window.runCommand('OMPQ: Doctor');
      await page.waitForTimeout(9000);
      await window.screenshot('doctor');
    });
  },
};

export default scene;
