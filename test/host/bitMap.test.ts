import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { COMMAND, VIEW } from '../../src/features/ids';
import { activated } from './extension';
import { copyOfModel } from './job';
import { until } from './until';

describe('The bit map', () => {
  const panels = (): vscode.Tab[] =>
    vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .filter(({ input }) => input instanceof vscode.TabInputCustom && input.viewType === VIEW.model);
  const open = (model: vscode.Uri): Thenable<unknown> =>
    vscode.commands.executeCommand(COMMAND.openBitMap, model);
  const shown = (count: number): Promise<boolean> =>
    until(`${count} panels are open`, () => panels().length === count);
  const closeAll = async (): Promise<void> => {
    await vscode.window.tabGroups.close(panels());
    await shown(0);
  };

  before(async () => {
    await activated();
    await closeAll();
  });
  afterEach(closeAll);

  it('has one panel per model, and opens another once that is closed', async () => {
    const [first, second] = [copyOfModel(), copyOfModel()];
    await open(first);
    await shown(1);
    await open(first);
    await open(second);
    await shown(2);
    await open(first);
    assert.equal(panels().length, 2);
    await closeAll();
    await open(first);
    await shown(1);
  });

  it('never takes a third editor column, however often it is opened', async () => {
    const [first, second] = [copyOfModel(), copyOfModel()];
    for (const model of [first, second, first]) {
      await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(__filename));
      await open(model);
      await vscode.commands.executeCommand('workbench.action.focusNextGroup');
    }
    await shown(2);
    assert.equal(vscode.window.tabGroups.all.length, 2);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is what an .onnx file opens in, and needs no panel beside it then', async () => {
    const model = copyOfModel();
    await vscode.commands.executeCommand('vscode.open', model);
    await until('the editor of the model is open', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputCustom && input.viewType === VIEW.model;
    });
    await open(model);
    assert.equal(panels().length, 1);
  });
});
