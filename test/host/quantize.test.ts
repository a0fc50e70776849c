import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { readConfig } from '../../src/config/config';
import { activated } from './extension';
import { choices, copyOfModel, quantize } from './job';
import { messagesDuring } from './messages';
import { progressDuring } from './progress';

describe('Quantize with OMPQ', () => {
  before(activated);

  it('writes a valid config next to the model, within its budget, and opens it', async () => {
    const model = copyOfModel();
    const before = readFileSync(model.fsPath);
    let path: string | undefined;
    const said = await messagesDuring(async () => (path = await quantize(model)));
    assert.equal(path, model.fsPath.replace(/\.onnx$/, '.ompq.json'), said.join());
    const config = await readConfig(path);
    // Bits that the local search found are within the budget, but proven by nobody.
    const proven = !config.contest?.chosen.endsWith('improved');
    assert.equal(config.solver.status, proven ? 'optimal' : 'feasible');
    assert.ok(config.totals.bytes <= config.totals.budgetBytes);
    assert.ok(config.totals.averageBits <= 4);
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, path);
    assert.deepEqual(vscode.languages.getDiagnostics(vscode.Uri.file(path)), []);
    assert.ok(readFileSync(model.fsPath).equals(before), 'the model itself changed');
    assert.equal(said.length, 1);
    assert.match(said[0], /4\.00|3\.\d\d bits on average/);
    // Quality comes before size, and a proof is no news.
    assert.match(said[0], /answers? changes?/);
    assert.doesNotMatch(said[0], /optimal/);
  });

  it('shows progress that only rises, names its stages and ends near the whole', async () => {
    const model = copyOfModel();
    const reports = await progressDuring(async () => quantize(model));
    const job = reports.filter(({ title }) => title.startsWith('Quantizing'));
    assert.ok(job.length >= 3, `only ${job.length} reports`);
    assert.ok(new Set(job.map(({ message }) => message.replace(/\d+/g, ''))).size >= 2, 'only one stage');
    job.reduce((last, next) => {
      assert.ok(next.percent >= last, `${next.percent} % after ${last} %`);
      return next.percent;
    }, 0);
    assert.ok(job.at(-1)!.percent >= 90 && job.at(-1)!.percent <= 100.001);
  });

  it('stops when it is cancelled, writes nothing, and works again afterwards', async () => {
    const model = copyOfModel();
    let isCancelled = false;
    await progressDuring(
      async () => assert.equal(await quantize(model), undefined),
      ({ title, percent }, cancel) => {
        if (!title.startsWith('Quantizing') || percent < 10 || isCancelled) return;
        isCancelled = true;
        cancel();
      },
    );
    assert.ok(isCancelled, 'it was never at work');
    assert.deepEqual(readdirSync(dirname(model.fsPath)), ['resnet_cifar10.onnx']);
    assert.ok(await quantize(model));
  });

  it('scores a model that it knows from the cache', async () => {
    const model = copyOfModel();
    const stages = async (bits: number) => {
      const reports = await progressDuring(async () => assert.ok(await quantize(model, choices(bits))));
      return reports.map(({ message }) => message).join();
    };
    assert.doesNotMatch(await stages(4), /Scored before/);
    const second = await stages(5);
    assert.match(second, /Scored before/);
    assert.doesNotMatch(second, /Scoring/);
  });

  it('keeps locked bits when it runs again with another budget', async () => {
    const model = copyOfModel();
    const path = (await quantize(model))!;
    const chosen = (await readConfig(path)).functions[1];
    const locked = chosen.bits === 5 ? 6 : 5;
    await editLine(path, chosen.name, (line) =>
      line.replace(/"bits": ?\d+/, `"bits": ${locked}`).replace(/"lock": ?false/, '"lock": true'),
    );
    assert.ok(await quantize(model, choices(6)));
    const again = (await readConfig(path)).functions[1];
    assert.deepEqual({ bits: again.bits, lock: again.lock }, { bits: locked, lock: true });
  });
});

/** Edits the line of one function as a person does, and saves. */
async function editLine(path: string, name: string, edit: (line: string) => string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(path);
  const lines = document.getText().split('\n');
  const index = lines.findIndex((line) => line.includes(JSON.stringify(name)) && line.includes('"lock"'));
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, document.lineAt(index).range, edit(lines[index]));
  assert.ok(await vscode.workspace.applyEdit(change));
  assert.ok(await document.save());
}
