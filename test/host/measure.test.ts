import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { readConfig } from '../../src/config/config';
import type { Evaluation } from '../../src/config/measured';
import { COMMAND } from '../../src/features/ids';
import { activated } from './extension';
import { choices, copyOfModel, quantize } from './job';

describe('A budget by quality', function () {
  this.timeout(180_000);
  let extension: vscode.Extension<unknown>;
  before(async () => (extension = await activated()));

  it('has one answer, in the page and on the command line', async () => {
    const model = copyOfModel();
    const path = (await quantize(model))!;
    const quality = { agreement: 0.95 };
    await vscode.commands.executeCommand(COMMAND.measureAgain, vscode.Uri.file(path), quality);
    const inPage = await readConfig(path);
    assert.ok((inPage.allocation.quality as { measured: number }).measured >= 0.95);
    assert.ok(inPage.contest!.candidates[0].agreement! >= 0.95, 'what was measured is kept');
    const out = `${path.slice(0, -'.ompq.json'.length)}.cli.ompq.json`;
    const data = choices().data.path;
    await promisify(execFile)(
      process.execPath,
      [
        ...[vscode.Uri.joinPath(extension.extensionUri, 'dist/cli.js').fsPath, 'quantize', model.fsPath],
        ...['--data', data, '--preset', 'cifar10', '--quality', 'same>=95%', '--out', out],
      ],
      { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } },
    );
    const onCommandLine = await readConfig(out);
    assert.deepEqual(
      onCommandLine.functions.map((f) => f.bits),
      inPage.functions.map((f) => f.bits),
    );
    assert.deepEqual(onCommandLine.allocation.budget, inPage.allocation.budget);
  });
});

describe('Measure', function () {
  this.timeout(180_000);
  before(activated);

  const measure = (config: vscode.Uri, bits?: number[]): Thenable<Evaluation | undefined> =>
    vscode.commands.executeCommand(COMMAND.measure, config, bits);

  it('runs the very bits that it is given, keeps no file and leaves the config alone', async () => {
    const path = await quantize(copyOfModel());
    assert.ok(path);
    const uri = vscode.Uri.file(path);
    const before = readFileSync(path, 'utf8');
    const files = readdirSync(dirname(path));
    const { functions } = await readConfig(path);
    const wide = await measure(
      uri,
      functions.map(() => 8),
    );
    const narrow = await measure(
      uri,
      functions.map(() => 2),
    );
    assert.deepEqual(
      narrow?.bits,
      functions.map(() => 2),
    );
    assert.ok(wide?.agreement === 1 || wide!.agreement! > narrow.agreement!, 'the wider bits are closer');
    assert.ok(wide!.bytes > narrow.bytes);
    assert.equal(readFileSync(path, 'utf8'), before);
    assert.deepEqual(readdirSync(dirname(path)), files);
  });

  it('tells the quality of the config in its first lens', async () => {
    const path = await quantize(copyOfModel());
    const uri = vscode.Uri.file(path!);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      uri,
    );
    assert.match(lenses[0].command?.title ?? '', /answers? changes?/);
  });
});
