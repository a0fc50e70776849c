import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { readConfig, type Config } from '../../src/config/config';
import { formatConfig } from '../../src/config/format';
import { COMMAND } from '../../src/features/ids';
import { readModel } from '../../src/onnx/files/file';
import { activated } from './extension';
import { copyOfModel, quantize } from './job';
import { messagesDuring } from './messages';

describe('Export quantized model', () => {
  let path: string;
  let made: Config;
  before(async () => {
    await activated();
    path = (await quantize(copyOfModel())) as string;
    made = await readConfig(path);
  });

  /** As typed by hand, and saved. */
  async function change(config: Config): Promise<void> {
    const document = await vscode.workspace.openTextDocument(path);
    const edit = new vscode.WorkspaceEdit();
    const all = new vscode.Range(0, 0, document.lineCount, 0);
    edit.replace(document.uri, all, formatConfig(config));
    await vscode.workspace.applyEdit(edit);
    await document.save();
  }

  /** What was said, and whether layers of the written file take quantized activations. */
  async function exported(name: string): Promise<{ said: string[]; out: string; isQuantized: boolean }> {
    const out = join(dirname(path), name);
    const said = await messagesDuring(async () =>
      vscode.commands.executeCommand(COMMAND.export, vscode.Uri.file(path), { rounding: 'nearest', out }),
    );
    const { graph } = await readModel(out);
    return { said, out, isQuantized: graph!.node.some(({ opType }) => opType === 'QuantizeLinear') };
  }

  it('writes a file of the size that the config says', async () => {
    const { said, out, isQuantized } = await exported('weights.onnx');
    assert.ok(existsSync(out));
    assert.ok(Math.abs(statSync(out).size - made.totals.bytes) < 2048);
    assert.equal(isQuantized, false);
    assert.match(said.join(), /weights\.onnx: .* times smaller/);
  });

  it('warns where a limit counts activations that the file does not have', async () => {
    const allocation = { ...made.allocation, limits: { bops: 1e12 }, activationBits: 8 };
    await change({ ...made, allocation });
    const { said } = await exported('limited.onnx');
    assert.match(said.join(), /does not keep the limit on BOPs, which counts 8-bit activations/);
  });

  it('takes the bits of activations that a search has found', async () => {
    const allocation = { ...made.allocation, limits: { bops: 1e12 }, activationWidths: [4, 8] };
    const functions = made.functions.map((f) => ({ ...f, activationBits: 8 }));
    await change({ ...made, allocation, functions });
    const { said, isQuantized } = await exported('searched.onnx');
    assert.equal(isQuantized, true);
    assert.doesNotMatch(said.join(), /does not keep/);
  });
});
