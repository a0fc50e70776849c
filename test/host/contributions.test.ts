import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { COMMAND, SETTING, SETTINGS_SECTION } from '../../src/features/ids';
import { activated, type Manifest } from './extension';

describe('What package.json contributes', () => {
  let manifest: Manifest;
  before(async () => (manifest = (await activated()).packageJSON as Manifest));

  it('declares no command that has no constant', () => {
    const known = new Set<string>(Object.values(COMMAND));
    const strange = manifest.contributes.commands.filter(({ command }) => !known.has(command));
    assert.deepEqual(strange, []);
  });

  it('registers every command', async () => {
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = Object.values(COMMAND).filter((command) => !registered.has(command));
    assert.deepEqual(missing, []);
  });

  it('declares every setting constant and no other, each described and scoped', () => {
    const properties = Object.entries(manifest.contributes.configuration.properties);
    const names = Object.values(SETTING).map((name) => `${SETTINGS_SECTION}.${name}`);
    assert.deepEqual(properties.map(([name]) => name).sort(), names.sort());
    for (const [name, property] of properties) {
      assert.ok(property.description ?? property.markdownDescription, `${name} has no description`);
      assert.ok(property.scope, `${name} has no scope`);
    }
  });

  it('refers only to commands that exist in its menus', () => {
    const declared = new Set(manifest.contributes.commands.map(({ command }) => command));
    const used = Object.values(manifest.contributes.menus).flat();
    assert.deepEqual(
      used.filter(({ command }) => command !== undefined && !declared.has(command)),
      [],
    );
  });

  it('offers the quantize command on .onnx files in the Explorer', () => {
    const entry = manifest.contributes.menus['explorer/context'].find(
      ({ command }) => command === COMMAND.quantize,
    );
    assert.match(entry?.when ?? '', /onnx/);
  });
});
