/** The page of image preprocessing: the guess with its reason, what the model sees, its answers, all presets compared. */
import { model } from '../quantize-steps';
import type { Scene } from '../scene';

const scene: Scene = {
  async play(window) {
    await window.explorer.choose(model, 'Quantize with OMPQ');
    await window.quickInput.choose('calibration data', 'calibration');
    await window.quickInput.waitFor('Image preprocessing');
    await window.screenshot('pick-preprocessing');
    await window.quickInput.choose('Image preprocessing', 'Adjust');
    const page = window.webview();
    await page.locator('figure img').first().waitFor();
    await page.getByText('Compare all presets').click();
    await page.locator('.compared table').waitFor();
    await window.screenshot('preprocessing');
    await window.page.setViewportSize({ width: 340, height: 1400 });
    await window.page.waitForTimeout(1500);
    await window.screenshot('preprocessing-narrow');
    await window.page.setViewportSize({ width: 1280, height: 800 });
    await page.getByText('Use', { exact: true }).click();
    await window.quickInput.waitFor('budget');
  },
};

export default scene;
