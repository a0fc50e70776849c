/** The panel of a config that has everything: limits, a rule, a tie, bootstrap draws and a contest; wide and narrow. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../support/vscode/paths';
import { exampleWorkspace } from '../../support/vscode/workspace';
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
    await window.editor.lens('Bit map').first().click();
    await window.webview().getByRole('button', { name: 'Write config' }).waitFor();
    await window.runCommand('View: Toggle Primary Side Bar Visibility');
    await page.waitForTimeout(3000);
    await window.screenshot('limits');
    // Over the panel, whose width changes with the window's.
    await page.mouse.move(1700, 1000);
    await page.mouse.wheel(0, 900);
    await page.waitForTimeout(1000);
    await window.screenshot('contest');
    await page.setViewportSize({ width: 1300, height: 1500 });
    await page.mouse.move(1000, 1000);
    await page.waitForTimeout(3000);
    await window.screenshot('narrow');
    await page.mouse.wheel(0, 1000);
    await page.waitForTimeout(1000);
    await window.screenshot('narrow-contest');
  },
};

export default scene;
