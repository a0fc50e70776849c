/**
 * Prints how long the extension took to activate, as VS Code itself counts it in "Running Extensions": loading the
 * bundle and the call of activate(), in a fresh window that holds a config. With --production, as it is shipped.
 */
import { makeWorkspace } from '../../support/vscode/workspace';
import type { Scene } from '../scene';

const scene: Scene = {
  workspace: () => makeWorkspace({ 'model.ompq.json': '{}' }),
  async play(window) {
    // the list shows the slowest first, and as many as fit
    await window.page.setViewportSize({ width: 1280, height: 3000 });
    await window.runCommand('Developer: Show Running Extensions');
    const row = window.page.locator('.runtime-extensions-editor .extension', { hasText: 'OMPQ' });
    const time = row.locator('.activation-time', { hasText: /\d ?ms/ }).first();
    console.log(await time.innerText());
  },
};

export default scene;
