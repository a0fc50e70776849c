import type { Scene } from '../scene';
import { config, model } from '../quantize-steps';

/** The main job as a person sees it: context menu, questions, progress, config. */
const scene: Scene = {
  async play(window) {
    await window.explorer.contextMenu(model, 'Quantize with OMPQ');
    await window.menu.item('Quantize with OMPQ').hover();
    await window.screenshot('context-menu');
    await window.menu.choose('Quantize with OMPQ');
    await window.quickInput.waitFor('calibration data');
    await window.screenshot('pick-data');
    await window.quickInput.choose('calibration data', 'calibration');
    await window.quickInput.waitFor('Image preprocessing');
    await window.screenshot('pick-preset');
    await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
    await window.quickInput.waitFor('budget');
    await window.screenshot('pick-budget');
    await window.quickInput.choose('budget', '4 bits on average');
    await window.notifications.waitFor(/Quantizing .*%/);
    await window.screenshot('progress');
    await window.editor.waitForActive(config);
    await window.notifications.waitFor('bits on average');
    await window.webview().getByRole('button', { name: 'Write config' }).waitFor();
    await window.screenshot('config');
  },
};

export default scene;
