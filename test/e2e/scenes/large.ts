/** The bit map of a network of 300 functions. */
import { toBinary } from '@bufbuild/protobuf';
import { join } from 'node:path';
import { ModelProtoSchema } from '../../../src/onnx/proto/onnx_pb';
import { deepResnet } from '../../support/models/zoo';
import { root } from '../../support/vscode/paths';
import { makeWorkspace } from '../../support/vscode/workspace';
import type { Scene } from '../scene';

const MODEL = 'resnet_300.onnx';

const scene: Scene = {
  workspace: () =>
    makeWorkspace(
      {
        [MODEL]: toBinary(ModelProtoSchema, deepResnet()),
        calibration: { copyOf: join(root, 'examples/calibration') },
      },
      'deep',
    ),
  settings: { 'ompq.objective': 'orthogonality', 'ompq.samples': 16 },
  async play(window) {
    await window.page.setViewportSize({ width: 1500, height: 1500 });
    await window.explorer.choose(MODEL, 'Quantize with OMPQ');
    await window.quickInput.choose('calibration data', 'calibration');
    await window.quickInput.choose('Image preprocessing', 'CIFAR-10');
    await window.quickInput.choose('budget', '4 bits on average');
    await window.notifications.waitFor('bits on average', 300_000);
    await window.webview().getByRole('button', { name: 'Write config' }).waitFor();
    await window.runCommand('Notifications: Clear All Notifications');
    await window.page.waitForTimeout(2500);
    await window.screenshot('large-narrow');
    await window.editor.tab(MODEL).click();
    await window.runCommand('View: Close Primary Side Bar');
    await window.runCommand('View: Maximize Editor Group');
    await window.page.waitForTimeout(2500);
    await window.screenshot('large-wide');
  },
};

export default scene;
