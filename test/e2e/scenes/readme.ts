import { config, model } from '../quantize-steps';
import type { Scene } from '../scene';

/** The pictures of the README and the walkthrough: `npm run pictures` puts them into media/. */
const scene: Scene = {
  async play(window) {
    await window.page.setViewportSize({ width: 1280, height: 720 });
    await window.explorer.contextMenu(model, 'Quantize with OMPQ');
    await window.menu.item('Quantize with OMPQ').hover();
    await window.screenshot('menu');
    await window.menu.choose('Quantize with OMPQ');
    await window.quickInput.choose('calibration data', 'calibration');
    await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
    await window.quickInput.choose('budget', '4 bits on average');
    await window.editor.waitForActive(config);
    await window.notifications.waitFor('bits on average');
    await window.webview().getByRole('heading', { name: model }).waitFor();
    await window.editor.tab(config).click();
    await window.runCommand('Notifications: Clear All Notifications');
    await window.runCommand('View: Close Primary Side Bar');
    await window.page.waitForTimeout(2000);
    await window.page.setViewportSize({ width: 1500, height: 1000 });
    await window.page.waitForTimeout(2000);
    await window.screenshot('config');
    await window.page.setViewportSize({ width: 1280, height: 1240 });
    await window.editor.tab(config).click({ button: 'middle' });
    await window.page.mouse.move(640, 1230); // no tooltip in the picture
    await window.page.waitForTimeout(2500);
    await window.screenshot('bit-map');
  },
};

export default scene;
