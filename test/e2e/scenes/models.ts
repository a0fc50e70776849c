/** The view of models in the activity bar, while a job runs and after it. */
import { model, startQuantizing, untilQuantized } from '../quantize-steps';
import type { Scene } from '../scene';

const scene: Scene = {
  settings: { 'ompq.contest.searchSeconds': 2 },
  async play(window) {
    const { page } = window;
    const view = page.locator('.pane-body .monaco-list-row');
    await startQuantizing(window, 4);
    await page.locator('.activitybar').getByRole('tab', { name: /OMPQ/ }).click();
    await view.filter({ hasText: model }).first().waitFor();
    await window.screenshot('models-running');
    await untilQuantized(window);
    await view.filter({ hasText: model }).last().locator('.monaco-tl-twistie').click();
    await view.filter({ hasText: 'ompq.json' }).waitFor();
    await window.screenshot('models');
  },
};

export default scene;
