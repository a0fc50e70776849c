import assert from 'node:assert/strict';
import { toBinary } from '@bufbuild/protobuf';
import { writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { COMMAND } from '../../src/features/ids';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { ModelBuilder } from '../support/models/builder';
import { activated, workspaceFile } from './extension';

const NODES = 10_000;

/** A convolution and a chain of ReLUs. */
function chain(): Uint8Array {
  const b = new ModelBuilder();
  let x = b.conv(b.input('image', [1, 3, 8, 8]), 4, { kernel: 3, pad: 1, name: 'stem' });
  for (let i = 1; i < NODES; i++) x = b.relu(x);
  return toBinary(ModelProtoSchema, b.output(x, [1, 4, 8, 8]).build());
}

describe('The listing of a model of 10,000 nodes', () => {
  let document: vscode.TextDocument;
  const ask = async <T>(command: string, ...args: unknown[]): Promise<T> =>
    vscode.commands.executeCommand<T>(command, document.uri, ...args);
  const positionOf = (text: string): vscode.Position => {
    const at = document.getText().indexOf(text);
    assert.ok(at >= 0, `the listing has no ${text}`);
    return document.positionAt(at + 1);
  };

  before(async () => {
    await activated();
    const model = workspaceFile('chain.onnx');
    writeFileSync(model.fsPath, chain());
    await vscode.commands.executeCommand(COMMAND.openListing, model);
    document = vscode.window.activeTextEditor!.document;
  });

  it('opens, a line or more for every node', () => {
    assert.equal(document.languageId, 'onnx-listing');
    assert.ok(document.lineCount > NODES);
  });

  it('has an outline of all nodes', async () => {
    const symbols = await ask<vscode.DocumentSymbol[]>('vscode.executeDocumentSymbolProvider');
    assert.equal(symbols.length, NODES);
  });

  it('finds where a tensor is made and used, and what is in it', async () => {
    const weight = positionOf('stem.weight');
    const references = await ask<vscode.Location[]>('vscode.executeReferenceProvider', weight);
    assert.equal(references.length, 2, 'its definition and its one use');
    const use = references.map(({ range }) => range).at(-1)!;
    const definitions = await ask<vscode.Location[]>('vscode.executeDefinitionProvider', use.start);
    assert.equal(definitions.length, 1);
    assert.notEqual(definitions[0].range.start.line, use.start.line);
    const [hover] = await ask<vscode.Hover[]>('vscode.executeHoverProvider', use.start);
    const text = hover.contents.map((part) => (part as vscode.MarkdownString).value).join('\n');
    assert.match(text, /108 values: min -?[\d.]+, max [\d.]+, mean -?[\d.e-]+, standard deviation [\d.]+/);
  });
});
