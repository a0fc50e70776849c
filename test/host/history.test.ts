import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated } from './extension';
import { choices, copyOfModel, quantize } from './job';
import { until } from './until';

describe('The history of a model', () => {
  const objective = (value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration(SETTINGS_SECTION)
      .update(SETTING.objective, value, vscode.ConfigurationTarget.Workspace);
  before(activated);
  before(() => objective('orthogonality'));
  after(() => objective(undefined));

  it('keeps an exported file with its measured quality, and what evaluating it said', async () => {
    const path = (await quantize(copyOfModel())) as string;
    const config = vscode.Uri.file(path);
    const out = path.replace('.ompq.json', '.mine.onnx');
    await vscode.commands.executeCommand(COMMAND.export, config, { rounding: 'nearest', out });
    assert.ok(existsSync(out));
    const { data } = choices();
    await vscode.commands.executeCommand(COMMAND.evaluate, config, { other: out, data });
    const preview = await until('the report is shown', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(({ label }) => label.includes('mine.onnx-')),
    );
    const name = /resnet_cifar10\.mine\.onnx-[\d-]+/.exec(preview.label)![0];
    const uri = vscode.Uri.from({ scheme: 'ompq-report', path: `/${name}.md` });
    const report = (await vscode.workspace.openTextDocument(uri)).getText();
    assert.match(report, /same answer/);
    assert.match(report, /resnet\\_cifar10.mine.onnx/);
  });
});
