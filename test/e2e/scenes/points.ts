/** What a person tries once in the panel, the config and the listing; each step is pictured and timed. */
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../support/vscode/paths';
import { config, model, startQuantizing, untilQuantized } from '../quantize-steps';
import type { Scene } from '../scene';

const scene: Scene = {
  settings: { 'ompq.objective': 'orthogonality', 'ompq.export.activationBits': 8 },
  async play(window) {
    const { page } = window;
    const step = async (name: string, run: () => Promise<void>): Promise<void> => {
      try {
        page.setDefaultTimeout(12_000);
        await run();
        console.log(`ok ${name}`);
      } catch (error) {
        console.log(`FAILED ${name}: ${String(error).slice(0, 600)}`);
        await window.screenshot(`failed-${name}`);
      } finally {
        page.setDefaultTimeout(60_000);
      }
    };
    await startQuantizing(window, 4);
    const panel = await untilQuantized(window);
    const text = () => readFileSync(join(window.workspace, config), 'utf8');
    await page.waitForTimeout(1500);
    await window.screenshot('p12-config-1280');
    await step('4-edited', async () => {
      const used = await panel.locator('.used').innerText();
      writeFileSync(join(window.workspace, config), text().replace(/"bits": [2345],/, '"bits": 7,'));
      await page.waitForTimeout(2500);
      console.log(`disk: "${used}" -> "${await panel.locator('.used').innerText()}"`);
      await window.screenshot('p4-disk');
    });
    await step('1-infeasible', async () => {
      const field = panel
        .locator('.budget vscode-text-field input, .budget-row vscode-text-field input')
        .first();
      await field.scrollIntoViewIfNeeded();
      await field.fill('0.5');
      await field.press('Enter');
      await page.waitForTimeout(1000);
      await window.screenshot('p1-infeasible');
      await panel.getByRole('button', { name: /^Use / }).click();
      await page.waitForTimeout(1000);
      await window.screenshot('p1-taken');
    });
    for (const kind of ['SVG', 'PNG'])
      await step(`2-${kind}`, async () => {
        await panel.getByText('Save picture').click();
        await panel.getByRole('menuitem', { name: kind }).click();
        await window.quickInput.widget.waitFor();
        await window.screenshot(`p2-${kind}`);
        await page.keyboard.press('Enter');
        await page.waitForTimeout(1500);
        const file = readdirSync(window.workspace).find((name) => name.endsWith(`.${kind.toLowerCase()}`));
        copyFileSync(join(window.workspace, file!), join(root, `out/pictures/saved-${file}`));
      });
    await step('3-theme', async () => {
      await window.editor.tab(model).click();
      await page.waitForTimeout(500);
      await window.runCommand('View: Maximize Editor Group');
      await window.setTheme('light');
      await page.waitForTimeout(1500);
      await window.screenshot('p3-switched');
      await window.runCommand('View: Reset Editor Group Sizes');
      await window.setTheme('dark');
      await window.runCommand('View: Show Explorer');
    });
    await step('11-export', async () => {
      await window.explorer.choose(config, 'Export Quantized Model');
      await window.quickInput.choose('rounding method', 'Nearest');
      await window.quickInput.choose('activations', 'Weights only').catch(() => undefined);
      await page.waitForTimeout(1000);
      await window.screenshot('p11-export-target');
      await page.keyboard.press('Enter');
      await window.notifications.waitFor('times smaller', 60_000);
      await window.screenshot('p11-exported');
      await window.notifications.press('times smaller', 'Evaluate...');
      await window.quickInput.waitFor('With labels');
      await window.screenshot('p11-evaluate-data');
      await window.quickInput.choose('With labels', 'calibration');
      if (await window.quickInput.widget.isVisible())
        await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
      await page.locator('.tabs-container .tab', { hasText: 'Preview' }).waitFor({ timeout: 60_000 });
      await page.waitForTimeout(2500);
      await window.screenshot('p11-report');
    });
    await step('7-setting', async () => {
      copyFileSync(join(root, 'examples/model.py'), join(window.workspace, 'model.py'));
      await window.openFile('model.py');
      await window.editor
        .lens(/\d bit: reveal/)
        .first()
        .waitFor();
      await window.setSettings({ 'ompq.pytorch.annotations': false });
      await window.editor
        .lens(/\d bit: reveal/)
        .first()
        .waitFor({ state: 'detached' });
      await page.waitForTimeout(1000);
      await window.screenshot('p7-silent');
    });
    await step('5-squiggles', async () => {
      await window.editor.focus(config);
      await page.keyboard.press('Control+Home');
      writeFileSync(
        join(window.workspace, config),
        text()
          .replace(/"sha256": "[0-9a-f]{8}/, '"sha256": "00000000')
          .replace(/"bits": [2-7],/g, '"bits": 8,'),
      );
      await page.waitForTimeout(3000);
      await window.runCommand('Problems: Focus on Problems View');
      await page.waitForTimeout(1000);
      await window.screenshot('p5-problems');
      await window.runCommand('View: Hide Panel');
    });
    await step('8-walkthrough', async () => {
      await window.runCommand('Welcome: Open Walkthrough...');
      await window.quickInput.input.fill('OMPQ');
      await page.waitForTimeout(800);
      await page.keyboard.press('Enter');
      await page.waitForTimeout(1000);
      await window.runCommand('View: Close Editors in Other Groups');
      await window.runCommand('View: Close Primary Side Bar');
      await page.waitForTimeout(2000);
      await window.screenshot('p8-walkthrough');
      await window.runCommand('View: Show Explorer');
    });
    await step('10-open-with', async () => {
      await window.explorer.choose(model, 'Open With...');
      await page.waitForTimeout(1000);
      console.log((await window.quickInput.rows()).join(' | '));
      await window.screenshot('p10-open-with');
      await window.quickInput.cancel();
    });
    await step('8-sample', async () => {
      await window.runCommand('OMPQ: Try It on the Sample Model');
      await window.quickInput.widget.waitFor();
      await page.waitForTimeout(800);
      await window.screenshot('p8-sample-where');
      await page.keyboard.press('Enter');
      await window.editor.waitForActive('resnet_cifar10.ompq.json', 60_000);
      await page.waitForTimeout(3000);
      await window.screenshot('p8-sample');
    });
  },
};

export default scene;
