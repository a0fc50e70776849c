/** Frames of the moving picture of the README: the budget goes down. `npm run pictures` joins them. */
import { model, startQuantizing, untilQuantized } from '../quantize-steps';
import type { Scene } from '../scene';

/** Bits on average. */
const BUDGETS = ['8', '7', '6', '5', '4.5', '4', '3.5', '3', '2.75', '2.5'];

const scene: Scene = {
  async play(window) {
    const { page } = window;
    await startQuantizing(window, 4);
    const panel = await untilQuantized(window);
    await window.runCommand('View: Close Primary Side Bar');
    await window.editor.tab(model).click();
    await window.runCommand('View: Maximize Editor Group');
    await page.setViewportSize({ width: 1000, height: 760 });
    const field = panel.locator('.budget-bar vscode-text-field input');
    for (const [frame, bits] of BUDGETS.entries()) {
      await field.fill(bits);
      await field.press('Enter');
      await page.waitForTimeout(1500);
      await window.screenshot(`budget-${frame}`);
    }
  },
};

export default scene;
