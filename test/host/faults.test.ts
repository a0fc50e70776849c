import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { engineProcesses } from '../support/vscode/engines';
import { activated } from './extension';
import { choices, copyOfModel, quantize } from './job';
import { messagesDuring } from './messages';
import { progressDuring } from './progress';

/** Runs the job on a model for which it must fail, and returns the one sentence that the user reads. */
async function complaint(model: vscode.Uri, answers = choices()): Promise<string> {
  let path: string | undefined;
  const said = await messagesDuring(async () => (path = await quantize(model, answers)));
  assert.equal(path, undefined, 'it claims to have worked');
  assert.equal(said.length, 1, `messages: ${said.join(' | ')}`);
  assert.doesNotMatch(said[0], /\n\s+at |undefined|\[object/);
  return said[0];
}

describe('What can go wrong', () => {
  before(activated);
  // the contest of the default objective is not what is tested here, and takes its time
  before(() => setObjective('orthogonality'));
  after(() => setObjective(undefined));
  afterEach('the extension still works', async () => assert.ok(await quantize(copyOfModel())));

  it('says that the engine was killed in mid-run, and leaves nothing behind', async function () {
    if (engineProcesses() === null) this.skip();
    const model = copyOfModel();
    let killed = 0;
    let said = '';
    await progressDuring(
      async () => (said = await complaint(model)),
      ({ title, percent }) => {
        if (killed > 0 || !title.startsWith('Quantizing') || percent < 10) return;
        for (const { pid, host } of engineProcesses()!) {
          if (host === process.pid) killed += Number(process.kill(pid, 'SIGKILL'));
        }
      },
    );
    assert.ok(killed > 0, 'no engine process was found');
    assert.match(said, /resnet_cifar10\.onnx/);
    assert.match(said, /engine/i);
    assert.deepEqual(readdirSync(dirname(model.fsPath)), ['resnet_cifar10.onnx']);
  });

  it('names a model that is not ONNX', async () => {
    const model = copyOfModel();
    writeFileSync(model.fsPath, Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)));
    assert.match(await complaint(model), /resnet_cifar10\.onnx/);
  });

  it('names a model that was cut off', async () => {
    const model = copyOfModel();
    truncateSync(model.fsPath, 100_000);
    assert.match(await complaint(model), /resnet_cifar10\.onnx/);
  });

  it('names a model that is empty', async () => {
    const model = copyOfModel();
    truncateSync(model.fsPath, 0);
    assert.match(await complaint(model), /resnet_cifar10\.onnx/);
  });

  it('names a model that has vanished', async () => {
    const model = copyOfModel();
    rmSync(model.fsPath);
    assert.match(await complaint(model), /resnet_cifar10\.onnx/);
  });

  it('names a model that vanishes while it is scored', async () => {
    const model = copyOfModel();
    let gone = false;
    let result: string | undefined;
    let said: string[] = [];
    await progressDuring(
      async () => (said = await messagesDuring(async () => (result = await quantize(model)))),
      ({ title }) => {
        if (gone || !title.startsWith('Quantizing')) return;
        rmSync(model.fsPath);
        gone = true;
      },
    );
    assert.ok(gone);
    // it may have been read already: then the job is as good as any
    if (result === undefined) assert.match(said.join(), /resnet_cifar10\.onnx/);
    assert.equal(said.length, 1, said.join(' | '));
  });

  it('names calibration data that is not there', async () => {
    const answers = choices();
    answers.data.path = join(answers.data.path, 'nowhere');
    assert.match(await complaint(copyOfModel(), answers), /nowhere/);
  });

  it('says what the smallest size is when the budget is too small', async () => {
    assert.match(await complaint(copyOfModel(), choices(0.5)), /smallest|least|at least/i);
  });

  it('overwrites no file of another kind that has the name of the config', async () => {
    const model = copyOfModel();
    const path = model.fsPath.replace(/\.onnx$/, '.ompq.json');
    writeFileSync(path, '{ "mine": true }\n');
    assert.match(await complaint(model), /\.ompq\.json/);
    assert.equal(await contentOf(path), '{ "mine": true }\n');
  });

  it('names the place where it cannot write', async () => {
    const model = copyOfModel();
    mkdirSync(model.fsPath.replace(/\.onnx$/, '.ompq.json'));
    assert.match(await complaint(model), /\.ompq\.json/);
  });
});

function setObjective(objective: string | undefined): Thenable<void> {
  const settings = vscode.workspace.getConfiguration(SETTINGS_SECTION);
  return settings.update(SETTING.objective, objective, vscode.ConfigurationTarget.Workspace);
}

async function contentOf(path: string): Promise<string> {
  return Buffer.from(await vscode.workspace.fs.readFile(vscode.Uri.file(path))).toString();
}
