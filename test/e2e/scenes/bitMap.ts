/** The bit map after quantizing a MobileNetV2: the panel, and the same page as the editor of the model. */
import { toBinary } from '@bufbuild/protobuf';
import { join } from 'node:path';
import { ModelProtoSchema } from '../../../src/onnx/proto/onnx_pb';
import { mobilenetV2 } from '../../support/models/zoo';
import { root } from '../../support/vscode/paths';
import { makeWorkspace } from '../../support/vscode/workspace';
import type { Scene } from '../scene';

const MODEL = 'mobilenet_v2.onnx';

const scene: Scene = {
  workspace: () =>
    makeWorkspace(
      {
        [MODEL]: toBinary(ModelProtoSchema, mobilenetV2({ size: 64, width: 0.5, classes: 100 })),
        calibration: { copyOf: join(root, 'examples/calibration') },
      },
      'mobilenet',
    ),
  async play(window) {
    await window.page.setViewportSize({ width: 1700, height: 1300 });
    await window.explorer.item(MODEL).click();
    const model = window.webview();
    await model.getByRole('heading', { name: MODEL }).waitFor();
    await window.screenshot('model-editor');
    await model.getByText('Quantize with OMPQ').click();
    await window.quickInput.choose('calibration data', 'calibration');
    await window.quickInput.choose('Image preprocessing', 'ImageNet');
    await window.quickInput.choose('budget', '4 bits on average');
    await window.editor.waitForActive('mobilenet_v2.ompq.json');
    const panel = window.page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
    await panel.getByRole('button', { name: 'Write config' }).waitFor();
    await window.page.waitForTimeout(2500);
    await window.screenshot('quantized');
  },
};

export default scene;
