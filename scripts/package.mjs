// Packs one VSIX per platform and the CLI for npm into out/packages: node scripts/package.mjs [TARGET...] [npm] [--out FOLDER]
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packCli } from './packages/cli.mjs';
import { buildBundles, report, root } from './packages/common.mjs';
import { TARGETS } from './packages/targets.mjs';
import { packVsix } from './packages/vsix.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const unknown = positionals.filter((name) => name !== 'npm' && !TARGETS.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown target ${unknown.join(', ')}; there are ${TARGETS.join(', ')} and npm.`);
  process.exit(2);
}
const wanted = positionals.length > 0 ? positionals : [...TARGETS, 'npm'];

const out = resolve(values.out ?? join(root, 'out', 'packages'));
const bundles = join(out, 'dist');
mkdirSync(out, { recursive: true });
rmSync(bundles, { recursive: true, force: true });
buildBundles(bundles);
for (const name of wanted) {
  report(await (name === 'npm' ? packCli(bundles, out) : packVsix(name, bundles, out)));
}
rmSync(bundles, { recursive: true });
