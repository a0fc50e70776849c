/** A real config, changed at random: it is read, or refused in one sentence, at once and without a trace. */
import { toBinary } from '@bufbuild/protobuf';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config/config';
import { lockedBits } from '../../src/config/edit';
import { formatConfig } from '../../src/config/format';
import { locate } from '../../src/config/locate';
import { modelPathOf } from '../../src/config/paths';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb';
import { Random } from '../support/models/random';
import { tinyCnn } from '../support/models/zoo';
import { HOSTILE_NAMES } from './names';

const ROUNDS = 1500;
const VALUES: unknown[] = [
  ...HOSTILE_NAMES,
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [[[]]],
  { __proto__: null },
  JSON.parse('{"__proto__": {"polluted": 1}}'),
  Array.from({ length: 2000 }, () => 2),
];

function realConfig(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-fuzz-'));
  const model = join(folder, 'net.onnx');
  writeFileSync(model, toBinary(ModelProtoSchema, tinyCnn()));
  const args = ['quantize', model, '--synthetic', '--samples', '2', '--avg-bits', '5', '--no-cache'];
  execFileSync(process.execPath, [resolve('dist/cli.js'), ...args], { stdio: 'ignore' });
  const text = readFileSync(join(folder, 'net.ompq.json'), 'utf8');
  rmSync(folder, { recursive: true });
  return text;
}

/** Puts a hostile value somewhere into `value`. */
function spoil(value: unknown, random: Random): unknown {
  const hostile = () => VALUES[random.int(VALUES.length)];
  if (typeof value !== 'object' || value === null || random.int(6) === 0) return hostile();
  const entries: [string, unknown][] = Object.entries(value);
  const [key, old] = entries[random.int(entries.length)] ?? ['x', null];
  if (Array.isArray(value))
    return value.map((each: unknown, i) => (String(i) === key ? spoil(each, random) : each));
  if (random.int(8) === 0) return { ...value, [HOSTILE_NAMES[random.int(HOSTILE_NAMES.length)]]: hostile() };
  return { ...value, [key]: spoil(old, random) };
}

function damage(text: string, random: Random): string {
  const at = random.int(text.length);
  const kind = random.int(4);
  if (kind === 0) return text.slice(0, at);
  if (kind === 1) return text.slice(0, at) + String.fromCharCode(random.int(0x3000)) + text.slice(at + 1);
  if (kind === 2) return text.slice(0, at) + '['.repeat(1 + random.int(20_000)) + text.slice(at);
  return text.slice(0, at) + text.slice(at + random.int(60));
}

it('hostile configs are read or refused in one sentence', () => {
  const whole = realConfig();
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const random = new Random(round);
    const text = round % 2 ? damage(whole, random) : JSON.stringify(spoil(JSON.parse(whole), random));
    try {
      const config = parseConfig(text, 'net.ompq.json');
      expect(parseConfig(formatConfig(config), 'net.ompq.json')).toEqual(config);
      lockedBits(config);
      modelPathOf(config, resolve('net.ompq.json'));
      outcomes.read++;
    } catch (error) {
      expect(error, `round ${round}: ${(error as Error).stack}`).toBeInstanceOf(ConfigError);
      const { message } = error as Error;
      expect(message, `round ${round}`).toMatch(/^[^\n\r]{1,1000}\.$/);
      outcomes.refused++;
    }
    // Typing in the editor asks for this, whatever the text is.
    locate(text);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(outcomes.read).toBeGreaterThan(20);
  expect(outcomes.refused).toBeGreaterThan(20);
});
