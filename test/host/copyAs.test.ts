import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { readConfig } from '../../src/config/config';
import { COMMAND } from '../../src/features/ids';
import { activated } from './extension';
import { copyOfModel, quantize } from './job';
import { messagesDuring } from './messages';

describe('Copy As...', () => {
  let config: vscode.Uri;
  before(async () => {
    await activated();
    config = vscode.Uri.file((await quantize(copyOfModel())) as string);
  });

  const copy = (format: string): Promise<string[]> =>
    messagesDuring(async () => vscode.commands.executeCommand(COMMAND.copyAs, config, { format }));

  it('puts the bits on the clipboard, as another tool reads them', async () => {
    const said = await copy('aimet');
    const { param_encodings: params } = JSON.parse(await vscode.env.clipboard.readText()) as {
      param_encodings: { name: string; bw: number; scale: number[] }[];
    };
    const { functions } = await readConfig(config.fsPath);
    const first = params.find(({ name }) => name === 'conv1.weight');
    assert.equal(first?.bw, functions[0].bits);
    assert.equal(first?.scale.length, 16);
    assert.match(said.join(), /Copied: AIMET/);
  });

  it('says what the other tool cannot express, or why nothing was copied', async () => {
    await vscode.env.clipboard.writeText('before');
    assert.match((await copy('onnxruntime-matmul')).join(), /no MatMul/);
    assert.equal(await vscode.env.clipboard.readText(), 'before');
    const { functions } = await readConfig(config.fsPath);
    const rounded = functions.some(({ bits }) => ![4, 8].includes(bits));
    assert.equal(/onnxruntime cannot express/.test((await copy('onnxruntime')).join()), rounded);
  });
});
