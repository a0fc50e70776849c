/** The demo's own flow, with a command in the place of ompq that fails where it is told to. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'ompq-demo-'));
afterAll(() => rmSync(root, { recursive: true }));

/** Writes what the demo looks for, but for what holds one of the words in FAIL. */
const COMMAND = `
const { writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
if (process.env.FAIL.split(',').some((word) => word && args.join(' ').includes(word))) {
  console.error('ompq: no such luck.');
  process.exit(1);
}
const out = args[args.indexOf('--out') + 1];
if (args.includes('--out')) writeFileSync(out, 'x'.repeat(1000));
const models = [{ bytes: 4000, top1: 0.9 }, { bytes: 1000, top1: 0.89 }];
console.log(JSON.stringify({ samples: 500, models }));
`;

function demo(fail: string) {
  for (const folder of ['scripts', 'dist']) mkdirSync(join(root, folder), { recursive: true });
  cpSync('scripts/demo.mjs', join(root, 'scripts', 'demo.mjs'));
  writeFileSync(join(root, 'esbuild.mjs'), '');
  writeFileSync(join(root, 'dist', 'cli.js'), COMMAND);
  const env = { ...process.env, FAIL: fail };
  return spawnSync(process.execPath, [join(root, 'scripts', 'demo.mjs')], { env, encoding: 'utf8' });
}

describe('the demo', () => {
  it('measures every variant at every size', () => {
    const { status, stdout } = demo('');
    expect(status).toBe(0);
    expect(stdout).toContain('| 4 | 1.0 KB | 4.0x | 89.0 % | 89.0 % | 89.0 % | 89.0 % |');
    expect(stdout).not.toContain('failed');
  });

  it('goes on where a variant fails, says which, and ends with an error', () => {
    const { status, stdout, stderr } = demo('3bit-gptq,4bit-reconstruct-a8');
    expect(status).toBe(1);
    expect(stdout).toContain('| 4 | 1.0 KB | 4.0x | 89.0 % | 89.0 % | 89.0 % | failed |');
    expect(stdout).toContain('| 3 | 1.0 KB | 4.0x | 89.0 % | failed | 89.0 % | 89.0 % |');
    expect(stdout).toContain('| 2.5 | 1.0 KB | 4.0x | 89.0 % | 89.0 % | 89.0 % | 89.0 % |');
    expect(stderr).toContain(
      'These variants failed:\n  4 bits, reconstruct +a8: ompq: no such luck.\n  3 bits, gptq: ompq: no such luck.',
    );
  });

  it('stops at once where the first export fails', () => {
    const { status, stderr } = demo('3bit-reconstruct');
    expect(status).toBe(1);
    expect(stderr).toContain('The demo failed.');
  });
});
