/** The panel of a config that has everything: limits, a rule, a tie, bootstrap draws and a contest; wide and narrow. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../vscode/paths';
import { exampleWorkspace } from '../../vscode/workspace';
import { config, model } from '../quantize-steps';
import type { Scene } from '../scene';

const ASKED = [
  [
    '--preset',
    'cifar10',
    '--avg-bits',
    '3.5',
    '--bops',
    '900M',
    '--act-bits',
    '8',
    '--rule',
    '*downsample*=4',
  ],
  ['--tie', '(/layer2*)/conv1/Conv,(/layer2*)/conv2/Conv', '--bootstrap', '20', '--search-seconds', '2'],
].flat();

const scene: Scene = {
  async workspace() {
    const folder = await exampleWorkspace();
    const args = [join(root, 'dist/cli.js'), 'quantize', model, '--data', 'calibration', ...ASKED];
    await promisify(execFile)(process.execPath, args, { cwd: folder });
    return folder;
  },
  async play(window) {
    const { page } = window;
    await page.setViewportSize({ width: 2300, height: 1300 });
    await window.openFile(config);
    await page.getByText('Open bit map').first().click();
    await window.runCommand('View: Toggle Primary Side Bar Visibility');
    const panel = window.webview();
    const limit = panel.locator('[data-limit="bops"] input');
    await limit.waitFor();
    await page.waitForTimeout(2000);
    await window.screenshot('limits');
    await panel
      .getByRole('row', { name: /layer2.0.downsample/ })
      .first()
      .click();
    await page.waitForTimeout(1000);
    await window.screenshot('function');
    await panel.getByRole('heading', { name: 'Measured contest' }).scrollIntoViewIfNeeded();
    await panel.getByText('Adopt', { exact: true }).first().click();
    await page.waitForTimeout(1000);
    await window.screenshot('contest');
    await limit.fill('700M');
    await limit.press('Enter');
    await panel.locator('.limit-add vscode-dropdown').click();
    await panel.locator('vscode-option', { hasText: 'Noise' }).click();
    await page.waitForTimeout(2000);
    await limit.scrollIntoViewIfNeeded();
    await window.screenshot('edited');
    await panel.locator('.limit:has([data-limit="noise"]) vscode-button').click();
    await page.setViewportSize({ width: 1300, height: 1500 });
    await page.waitForTimeout(2000);
    await limit.scrollIntoViewIfNeeded();
    await window.screenshot('narrow');
    await panel.getByRole('heading', { name: 'Measured contest' }).scrollIntoViewIfNeeded();
    await window.screenshot('narrow-contest');
  },
};

export default scene;
