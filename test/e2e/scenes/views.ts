/** Every view of the example, for judging a theme: model, bit map wide and narrow, config, listing, PyTorch source. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../support/vscode/paths';
import { config, model, startQuantizing, untilQuantized } from '../quantize-steps';
import type { Scene } from '../scene';

const scene: Scene = {
  async play(window) {
    const { page } = window;
    await page.setViewportSize({ width: 1600, height: 1000 });
    await window.explorer.open(model);
    await window.webview().getByRole('grid', { name: 'Layers' }).waitFor();
    await window.screenshot('example-model');
    await window.editor.tab(model).click({ button: 'middle' });
    await startQuantizing(window, 4);
    const panel = await untilQuantized(window);
    await window.editor.focus(config);
    await page.waitForTimeout(1500);
    await window.screenshot('example-config');
    copyFileSync(join(root, 'examples/model.py'), join(window.workspace, 'model.py'));
    await window.explorer.open('model.py');
    await window.editor
      .lens(/\d bit: reveal in bit map/)
      .first()
      .waitFor();
    await window.screenshot('example-pytorch');
    await window.explorer.choose(model, 'Open Model Listing');
    await window.editor
      .lens(/\d bit: change/)
      .first()
      .waitFor();
    await window.screenshot('example-listing');
    await page.setViewportSize({ width: 1230, height: 2100 });
    await page.waitForTimeout(1500);
    await window.screenshot('example-narrow');
    await page.setViewportSize({ width: 1500, height: 1500 });
    await window.editor.tab(model).click();
    await window.runCommand('View: Close Primary Side Bar');
    await window.runCommand('View: Maximize Editor Group');
    await panel.getByRole('grid', { name: 'Layers' }).waitFor();
    await page.waitForTimeout(2000);
    await window.screenshot('example-wide');
  },
};

export default scene;
