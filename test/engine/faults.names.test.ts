/** Names in a model or config are text wherever they show, also where they would like to be more. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printable, unlinked } from '../../src/common/printable';
import { tinyCnn } from '../support/models/zoo';
import { runCommand } from './command';
import { save } from './harness';

const ESCAPES = '\x1b]0;owned\x07\x1b[2J\u202e\r\x9b31m';

const ompq = (...args: string[]) => runCommand(args, { cache: join(dirname(args[1]), 'cache') });

describe('names that are commands to a terminal', () => {
  // eslint-disable-next-line no-control-regex
  const commands = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/;

  it('of layers, operators and inputs arrive as text', async () => {
    const model = tinyCnn();
    for (const node of model.graph!.node) node.name += ESCAPES;
    const rename = (name: string) => (name.endsWith('.weight') ? name + ESCAPES : name);
    for (const tensor of model.graph!.initializer) tensor.name = rename(tensor.name);
    for (const node of model.graph!.node) node.input = node.input.map(rename);
    const path = save(model);
    for (const args of [
      ['inspect', path],
      ['quantize', path, '--synthetic', '--samples', '2', '--avg-bits', '5'],
    ]) {
      const { stdout, stderr } = await ompq(...args);
      expect(stdout).toContain('stem');
      expect(stdout + stderr).not.toMatch(commands);
    }
    model.graph!.node[1].opType = `Odd${ESCAPES}`;
    const refused = await ompq('score', save(model), '--synthetic', '--samples', '2');
    expect(refused.stderr).toMatch(/^ompq: ONNX Runtime cannot load/m);
    expect(refused.stderr).not.toMatch(commands);
  });

  it('of a config, too', async () => {
    const path = join(dirname(save(tinyCnn())), 'net.ompq.json');
    writeFileSync(path, JSON.stringify({ [ESCAPES]: 1, version: 1 }));
    const { stderr } = await ompq('export', path);
    expect(stderr).toMatch(/^ompq: .*is not an OMPQ config/);
    expect(stderr).not.toMatch(commands);
  });
});

it('names that are links of a notification stay words', () => {
  const hostile = '[Fix it](command:workbench.action.terminal.sendSequence?%7B%22text%22%3A%22rm%22%7D)';
  // As VS Code finds links (base/common/linkedText.ts).
  const links = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
  expect(hostile).toMatch(links);
  expect(unlinked(hostile)).not.toMatch(links);
  expect(unlinked(`a\n${hostile}\x1b`)).not.toMatch(links);
  expect(printable('plain, ä, 漢字\nand lines')).toBe('plain, ä, 漢字\nand lines');
});
