import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { readConfig } from '../../src/config/config';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated } from './extension';
import { copyOfModel } from './job';
import { messagesDuring } from './messages';
import { type Asked, pickersDuring } from './pickers';

describe('Several models at once', () => {
  const objective = (value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration(SETTINGS_SECTION)
      .update(SETTING.objective, value, vscode.ConfigurationTarget.Workspace);
  const answer = ({ title }: Asked): string | undefined => {
    if (title.includes('budget')) return '4 bits on average';
    return title.includes('preprocessing') ? 'CIFAR-10' : ' calibration';
  };
  const configOf = (model: vscode.Uri): string => model.fsPath.replace(/\.onnx$/, '.ompq.json');

  before(activated);
  before(() => objective('orthogonality'));
  after(() => objective(undefined));

  it('are asked for once and quantized one after another, each announced', async () => {
    const models = [copyOfModel(), copyOfModel(), copyOfModel()];
    let asked: Asked[] = [];
    const said = await messagesDuring(async () => {
      asked = await pickersDuring(
        () => vscode.commands.executeCommand(COMMAND.quantize, models[0], models),
        answer,
      );
    });
    assert.deepEqual(
      asked.map(({ title }) => title.replace('Quantize with OMPQ: ', '')),
      ['calibration data', 'Image preprocessing', 'budget'],
    );
    assert.equal(said.length, 3, said.join('\n'));
    for (const model of models) {
      const config = await readConfig(configOf(model));
      assert.equal(config.calibration.preprocessing.preset, 'cifar10');
      assert.ok(config.totals.averageBits <= 4);
    }
  });

  it('go on where one of them cannot be read', async () => {
    const models = [copyOfModel(), copyOfModel(), copyOfModel()];
    await vscode.workspace.fs.writeFile(models[1], Buffer.from('no model'));
    const said = await messagesDuring(async () => {
      await pickersDuring(() => vscode.commands.executeCommand(COMMAND.quantize, models[0], models), answer);
    });
    assert.ok(existsSync(configOf(models[0])) && existsSync(configOf(models[2])), said.join('\n'));
    assert.ok(!existsSync(configOf(models[1])));
    assert.equal(said.filter((text) => text.includes(models[1].fsPath)).length, 1, said.join('\n'));
  });
});
