import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { parseConfig, type Config } from '../../src/config/config';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated } from './extension';
import { copyOfModel, quantize } from './job';
import { messagesDuring } from './messages';
import { until } from './until';

describe('A config in the editor', () => {
  let path: string;
  let original: string;
  let document: vscode.TextDocument;
  const objective = (value: string | undefined): Thenable<void> =>
    vscode.workspace
      .getConfiguration(SETTINGS_SECTION)
      .update(SETTING.objective, value, vscode.ConfigurationTarget.Workspace);

  before(async () => {
    await activated();
    await objective('orthogonality'); // the contest of the default takes its time
    path = (await quantize(copyOfModel())) as string;
    original = readFileSync(path, 'utf8');
    document = await vscode.workspace.openTextDocument(path);
  });
  after(() => objective(undefined));
  afterEach(async () => {
    await setText(original);
    await document.save();
    await until(
      'no problem of the last test is left',
      () => vscode.languages.getDiagnostics(document.uri).length === 0,
    );
  });

  async function setText(text: string): Promise<void> {
    const edit = new vscode.WorkspaceEdit();
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    edit.replace(document.uri, whole, text);
    assert.ok(await vscode.workspace.applyEdit(edit));
  }

  const config = (): Config => parseConfig(document.getText(), path);
  const problem = (code: string): Promise<vscode.Diagnostic> =>
    until(`the problem ${code}`, () =>
      vscode.languages.getDiagnostics(document.uri).find((each) => each.code === code),
    );

  const noProblem = (code: string): Promise<boolean> =>
    until(
      `no problem ${code} is left`,
      () => !vscode.languages.getDiagnostics(document.uri).some((each) => each.code === code),
    );

  /** Applies the quick fix as the light bulb does. */
  async function fix({ range }: vscode.Diagnostic, title: RegExp): Promise<void> {
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      range,
    );
    const action = actions.find((each) => title.test(each.title));
    assert.ok(action, `no ${String(title)} among ${actions.map((each) => each.title).join(', ')}`);
    if (action.edit) assert.ok(await vscode.workspace.applyEdit(action.edit));
    if (action.command)
      await vscode.commands.executeCommand(
        action.command.command,
        ...((action.command.arguments ?? []) as unknown[]),
      );
  }

  it('offers to remove a function that the model does not have', async () => {
    const entry = /^ *\{ *"bits".*,$/m.exec(original)![0];
    await setText(
      original.replace(entry, `${entry}\n${entry.replace(/"name": "[^"]+"/, '"name": "nobody"')}`),
    );
    const found = await problem('unknown-function');
    assert.match(found.message, /"nobody"/);
    await fix(found, /Remove this function/);
    assert.equal(document.getText(), original);
  });

  it('offers the nearest allowed width, or to lock the one that stands there', async () => {
    const { name } = config().functions[2];
    const line = original.split('\n').find((each) => each.includes(`"name": "${name}"`))!;
    const strange = original.replace(line, line.replace(/"bits": \d+/, '"bits": 16'));
    await setText(strange);
    await fix(await problem('width-not-allowed'), /Use 8 bits/);
    assert.equal(config().functions[2].bits, 8);
    await noProblem('width-not-allowed');
    await setText(strange);
    await fix(await problem('width-not-allowed'), /Lock at 16 bits/);
    const { bits, lock } = config().functions[2];
    assert.deepEqual({ bits, lock }, { bits: 16, lock: true });
  });

  it('says how far bits are over the budget, and solves again within it', async () => {
    await setText(original.replace('"bits": 2,', '"bits": 8,'));
    const found = await problem('over-budget');
    assert.match(found.message, /over the budget of 4/);
    await fix(found, /Solve again/);
    assert.ok(config().totals.bytes <= config().totals.budgetBytes);
    await noProblem('over-budget');
  });

  it('says that bits are over the budget where they were edited', async () => {
    const at = original.indexOf('"bits": 2,') + '"bits": '.length;
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, new vscode.Range(document.positionAt(at), document.positionAt(at + 1)), '8');
    assert.ok(await vscode.workspace.applyEdit(edit));
    assert.equal(document.offsetAt((await problem('over-budget')).range.start), at);
  });

  it('says that solving again cannot move bits edited by hand, and reverts them', async () => {
    await setText(original.replace(/"bits": [2-7],/g, '"bits": 8,'));
    const before = document.getText();
    const said = await messagesDuring(() =>
      Promise.resolve(vscode.commands.executeCommand(COMMAND.resolve, document.uri)),
    );
    assert.equal(said.length, 1);
    assert.equal(document.getText(), before);
    await fix(await problem('over-budget'), /Revert manual bit changes/);
    assert.equal(document.getText(), original);
    await noProblem('over-budget');
  });

  for (const way of ['written over', 'replaced by another file']) {
    it(`is looked at again when it is ${way} on the disk`, async () => {
      await vscode.window.showTextDocument(document);
      const changed = original.replace('"bits": 2,', '"bits": 8,');
      if (way === 'written over') writeFileSync(path, changed);
      else {
        writeFileSync(`${path}.new`, changed);
        renameSync(`${path}.new`, path);
      }
      const isRead = (): boolean => document.getText() === changed;
      // the watcher of a starved machine may miss it; a person then reads it again by hand
      await until('VS Code has read the file again', isRead).catch(() =>
        vscode.commands.executeCommand('workbench.action.files.revert'),
      );
      await problem('over-budget');
      assert.equal(document.isDirty, false);
    });
  }

  it('says which of the limits beside the budget the bits break', async () => {
    const limits = { bytes: 1000, averageBits: 1.5, bops: 1000, activationBytes: 10 };
    await setText(original.replace(/("allocation": \{)/, `$1 "limits": ${JSON.stringify(limits)},`));
    await problem('over-limit');
    const messages = vscode.languages
      .getDiagnostics(document.uri)
      .filter((each) => each.code === 'over-limit')
      .map((each) => each.message);
    assert.equal(messages.length, 4, messages.join('; '));
    for (const name of ['File size', 'Average bits', 'BOPs', 'Peak activation memory']) {
      assert.ok(
        messages.some((message) => message.startsWith(`${name}: these bits take`)),
        name,
      );
    }
    await setText(original.replace(/("allocation": \{)/, '$1 "limits": {"activationBytes": 1000000000},'));
    await noProblem('over-limit');
  });

  it('sees that the model is another one than was scored', async () => {
    await setText(original.replace(/("sha256": ")[0-9a-f]{8}/, '$100000000'));
    assert.match((await problem('model-changed')).message, /has changed since it was scored/);
  });

  it('is never overwritten while it has unsaved changes', async () => {
    await setText(original.replace('"bits": 2,', '"bits": 8,'));
    await vscode.commands.executeCommand(COMMAND.resolve, document.uri);
    const edited = document.getText();
    assert.ok(config().totals.bytes <= config().totals.budgetBytes, 'it was not solved again');
    assert.ok(document.isDirty);
    assert.equal(readFileSync(path, 'utf8'), original);
    const model = vscode.Uri.file(path.replace(/\.ompq\.json$/, '.onnx'));
    let result: string | undefined;
    const said = await messagesDuring(async () => (result = await quantize(model)));
    assert.equal(result, undefined);
    assert.match(said.join(), /unsaved|save/i);
    assert.equal(document.getText(), edited);
    assert.equal(readFileSync(path, 'utf8'), original);
  });

  it('formats to one line per function, and changes nothing that is formatted', async () => {
    await setText(JSON.stringify(JSON.parse(original), null, 2));
    const format = async (): Promise<void> => {
      const edits = await vscode.commands.executeCommand<vscode.TextEdit[] | undefined>(
        'vscode.executeFormatDocumentProvider',
        document.uri,
        { tabSize: 2 },
      );
      const edit = new vscode.WorkspaceEdit();
      edit.set(document.uri, edits ?? []);
      await vscode.workspace.applyEdit(edit);
    };
    for (let times = 0; times < 2; times++) {
      await format();
      assert.equal(document.getText(), original);
    }
  });

  it('shows lenses on the first line and under the cursor, or on every function by the setting', async () => {
    const lines = async (): Promise<number[]> => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
      );
      return [...new Set(lenses.map(({ range }) => range.start.line))];
    };
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(0, 0, 0, 0);
    assert.deepEqual(await lines(), [0]);
    const line = original.split('\n').findIndex((each) => each.includes('"bits"'));
    editor.selection = new vscode.Selection(line, 0, line, 0);
    assert.deepEqual(await lines(), [0, line]);
    const settings = vscode.workspace.getConfiguration(SETTINGS_SECTION);
    await settings.update(SETTING.lenses, 'all', vscode.ConfigurationTarget.Workspace);
    assert.equal((await lines()).length, 1 + config().functions.length);
    await settings.update(SETTING.lenses, undefined, vscode.ConfigurationTarget.Workspace);
  });

  it('tells a layer in a card: its bits, and the noise and bytes of every width', async () => {
    const line = original.split('\n').findIndex((each) => each.includes('"bits"'));
    const [hover] = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      new vscode.Position(line, 10),
    );
    const text = hover.contents.map((each) => (each as vscode.MarkdownString).value).join();
    assert.match(text, /\d bits · [\d.]+ [KM]?B · [\d.]+ % of the file/);
  });

  it('changes no line when it solves again what is solved', async () => {
    await vscode.commands.executeCommand(COMMAND.resolve, document.uri);
    assert.equal(document.getText(), original);
  });
});
