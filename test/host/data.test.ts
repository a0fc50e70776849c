import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { readConfig } from '../../src/config/config';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated, workspaceFile } from './extension';
import { copyOfModel } from './job';
import { messagesDuring } from './messages';
import { type Asked, pickersDuring } from './pickers';

describe('Use as Calibration Data', () => {
  const objective = (value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration(SETTINGS_SECTION)
      .update(SETTING.objective, value, vscode.ConfigurationTarget.Workspace);
  const answer = ({ title }: Asked): string | undefined =>
    title.includes('budget') ? '4 bits on average' : 'CIFAR-10';

  before(activated);
  before(() => objective('orthogonality'));
  after(() => objective(undefined));

  it('on a folder asks for everything but the data, and quantizes with them', async () => {
    const model = copyOfModel();
    const folder = join(dirname(model.fsPath), 'photos');
    mkdirSync(folder);
    for (const name of ['000.png', '001.png', '002.png', '003.png']) {
      copyFileSync(workspaceFile(`calibration/${name}`).fsPath, join(folder, name));
    }
    // as the Explorer's menu calls it; the row of the view that data are dropped on names the model
    const asked = await pickersDuring(
      () => vscode.commands.executeCommand(COMMAND.useAsCalibration, vscode.Uri.file(folder), model),
      answer,
    );
    assert.deepEqual(
      asked.map(({ title }) => title.replace('Quantize with OMPQ: ', '')),
      ['Image preprocessing', 'budget'],
    );
    const config = await readConfig(model.fsPath.replace(/\.onnx$/, '.ompq.json'));
    assert.equal(config.calibration.path, 'photos');
    assert.equal(config.calibration.preprocessing.preset, 'cifar10');
  });

  it('asks for the model where the workspace has several', async () => {
    copyOfModel();
    const folder = workspaceFile('calibration');
    const [asked] = await pickersDuring(() =>
      vscode.commands.executeCommand(COMMAND.useAsCalibration, folder, [folder]),
    );
    assert.match(asked.title, /Use calibration for which model/);
    assert.ok(asked.labels.some((label) => label === 'resnet_cifar10.onnx'));
    assert.ok(!asked.labels.some((label) => /\.quantized/.test(label)));
  });

  it('says what is wrong with a folder that holds no data', async () => {
    const model = copyOfModel();
    const empty = vscode.Uri.file(join(dirname(model.fsPath), 'empty'));
    mkdirSync(empty.fsPath);
    const said = await messagesDuring(() =>
      Promise.resolve(vscode.commands.executeCommand(COMMAND.useAsCalibration, empty, model)),
    );
    assert.equal(said.length, 1);
    assert.match(said[0], /empty holds no calibration data/);
  });
});

describe('The question about calibration data', () => {
  before(activated);

  it('offers no folder of pictures for a model that takes none', async () => {
    const model = copyOfModel();
    const [pictures] = await pickersDuring(() => vscode.commands.executeCommand(COMMAND.quantize, model));
    assert.ok(pictures.labels.some((label) => label.includes('calibration')));
    const bytes = readFileSync(model.fsPath);
    // its input's shape [batch, 3, 32, 32] becomes [batch, 5, 32, 32], which is no picture
    const shape = Buffer.from([0x0a, 0x02, 0x08, 0x03, 0x0a, 0x02, 0x08, 0x20, 0x0a, 0x02, 0x08, 0x20]);
    const at = bytes.indexOf(shape);
    assert.ok(at > 0 && bytes.indexOf(shape, at + 1) < 0, 'the shape of the input was not found');
    bytes[at + 3] = 5;
    const other = vscode.Uri.joinPath(model, '../five.onnx');
    await vscode.workspace.fs.writeFile(other, bytes);
    const [none] = await pickersDuring(() => vscode.commands.executeCommand(COMMAND.quantize, other));
    assert.ok(!none.labels.some((label) => label.includes('calibration')), none.labels.join());
  });
});
