import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../support/vscode/paths';

interface Entry {
  command: string;
  when?: string;
}

const { contributes } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  contributes: {
    commands: { command: string }[];
    menus: Record<string, Entry[]>;
    keybindings?: (Entry & { key: string })[];
  };
};

/** They ask for a model where none is open, or need no file. */
const ANYWHERE = [
  'quantize',
  'quantizeAndExport',
  'openBitMap',
  'openListing',
  'trySample',
  'showLog',
  'doctor',
];

/** They work on rows of our own view. */
const ROWS = ['cancelJob', 'compareRuns'];

/** They work on data, which no editor shows. */
const DATA = ['useAsCalibration'];

/** They act on the bit map in front. */
const BIT_MAP = ['mapBits', 'mapLock', 'mapExport', 'mapMeasure'];

test('the palette offers what needs a config only where a config is open, and the rest everywhere', () => {
  const hidden = new Map(contributes.menus.commandPalette.map(({ command, when }) => [command, when]));
  const expectedOf = (name: string): string | undefined => {
    if (ANYWHERE.includes(name)) return undefined;
    if (ROWS.includes(name) || DATA.includes(name)) return 'false';
    return BIT_MAP.includes(name)
      ? 'activeCustomEditorId == ompq.model'
      : 'resourceFilename =~ /\\.ompq\\.json$/';
  };
  for (const { command } of contributes.commands) {
    const expected = expectedOf(command.slice('ompq.'.length));
    expect(hidden.get(command), command).toBe(expected);
  }
});

test('menus of files show a command only on files that it can work on', () => {
  const { commandPalette: _, ...menus } = contributes.menus;
  for (const [menu, entries] of Object.entries(menus)) {
    for (const { command, when } of entries) {
      if (menu === 'view/item/context') {
        expect(when, command).toMatch(/^view == ompq\.models && viewItem == /);
        continue;
      }
      const files = DATA.includes(command.slice('ompq.'.length))
        ? /explorerResourceIsFolder \|\| resourceExtname == \.npz/
        : /resourceExtname == \.onnx|resourceFilename =~/;
      expect(when, `${menu}: ${command}`).toMatch(files);
      expect(when, `${menu}: ${command}`).toContain('resourceScheme == file');
    }
  }
});

test('a keyboard shortcut works only inside a view of ours', () => {
  for (const { command, when } of contributes.keybindings ?? []) {
    expect(when, command).toMatch(/activeCustomEditorId == ompq\.|activeWebviewPanelId == ompq\./);
  }
});
