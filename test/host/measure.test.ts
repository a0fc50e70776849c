import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { readConfig } from '../../src/config/config';
import type { Evaluation } from '../../src/config/measured';
import { COMMAND } from '../../src/features/ids';
import { activated } from './extension';
import { copyOfModel, quantize } from './job';

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
