import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated, workspaceFile } from './extension';
import { choices, copyOfModel, quantize } from './job';
import { messagesDuring } from './messages';
import { pickersDuring } from './pickers';

describe('What was chosen for a model', () => {
  const objective = (value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration(SETTINGS_SECTION)
      .update(SETTING.objective, value, vscode.ConfigurationTarget.Workspace);
  const ask = (model: vscode.Uri): Thenable<unknown> =>
    vscode.commands.executeCommand(COMMAND.quantize, model);
  const title = (text: string) => (asked: { title: string }) => asked.title.includes(text);

  before(activated);
  before(() => objective('orthogonality'));
  after(() => objective(undefined));

  it('is not remembered where it has failed', async () => {
    const model = copyOfModel();
    const failing = { ...choices(), budget: { averageBits: 0.5 } };
    await messagesDuring(() => Promise.resolve(quantize(model, failing)));
    const [data] = await pickersDuring(() => ask(model));
    assert.equal(data.active, undefined, 'the data of a run that failed is offered as the last');
  });

  it('is remembered where it was browsed for, outside what is offered', async () => {
    const model = copyOfModel();
    const folder = join(tmpdir(), `ompq-browsed-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    for (const name of ['000.png', '001.png', '002.png', '003.png']) {
      copyFileSync(workspaceFile(`calibration/${name}`).fsPath, join(folder, name));
    }
    const answers = choices();
    answers.data.path = folder;
    assert.ok(await quantize(model, answers));
    const [data] = await pickersDuring(() => ask(model));
    assert.match(data.active ?? '', /ompq-browsed-/);
    rmSync(folder, { recursive: true });
  });

  it('for an array says nothing of how pictures are prepared', async () => {
    const model = copyOfModel();
    // 4 samples of 3 x 32 x 32 float32
    const file = join(model.fsPath, '../samples.npy');
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3, 32, 32), }";
    const padded = header.padEnd(128 - 10 - 1) + '\n';
    const head = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length, 0]);
    const values = Float32Array.from({ length: 4 * 3 * 32 * 32 }, (_, i) => Math.sin(i));
    writeFileSync(file, Buffer.concat([head, Buffer.from(padded), Buffer.from(values.buffer)]));
    const answers = { data: { path: file, preprocessing: { preset: 'raw' } }, budget: { averageBits: 4 } };
    assert.ok(await quantize(model, answers));
    const asked = await pickersDuring(
      () => ask(model),
      (picker) => (picker.title.includes('data') ? ' calibration' : undefined),
    );
    assert.equal(asked.find(title('preprocessing'))?.active, 'CIFAR-10');
  });

  it('can be gone back to from the question after it', async () => {
    const model = copyOfModel();
    let times = 0;
    const asked = await pickersDuring(
      () => ask(model),
      (picker) => {
        if (picker.title.includes('budget')) return times++ === 0 ? 'BACK' : undefined;
        if (picker.title.includes('preprocessing')) return 'CIFAR-10';
        return ' calibration';
      },
    );
    assert.deepEqual(
      asked.map((each) => each.title.replace('Quantize with OMPQ: ', '')),
      ['calibration data', 'Image preprocessing', 'budget', 'Image preprocessing', 'budget'],
    );
  });
});
