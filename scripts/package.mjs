// Packs the extension: one VSIX per platform, each with only that platform's native files, and the CLI's npm tarball.
// `npm run package` makes all of them, `npm run package -- linux-x64` one, `npm run package -- npm` the tarball.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVSIX } from '@vscode/vsce';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'out', 'packages');
const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];
/** What runs; everything else is bundled into dist/. */
const NATIVE = ['onnxruntime-node', 'sharp'];
const SHIPPED = [
  'dist',
  'media',
  'schemas',
  'syntaxes',
  'examples',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  '.vscodeignore',
];

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => name !== 'npm' && !TARGETS.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown target ${unknown.join(', ')}; there are ${TARGETS.join(', ')} and npm.`);
  process.exit(2);
}
const all = wanted.length === 0;

mkdirSync(out, { recursive: true });
rmSync(join(root, 'dist'), { recursive: true, force: true });
execFileSync(process.execPath, [join(root, 'esbuild.mjs'), '--production'], { cwd: root, stdio: 'inherit' });
for (const target of TARGETS.filter((name) => all || wanted.includes(name))) await packVsix(target);
if (all || wanted.includes('npm')) packNpm();

async function packVsix(target) {
  const [os, cpu] = target.split('-');
  const stage = join(out, `stage-${target}`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const name of SHIPPED) cpSync(join(root, name), join(stage, name), { recursive: true });
  const dependencies = Object.fromEntries(NATIVE.map((name) => [name, installed(name)]));
  writeFileSync(
    join(stage, 'package.json'),
    JSON.stringify({ ...manifest, scripts: {}, devDependencies: {}, dependencies }, null, 2),
  );
  const libc = os === 'linux' ? ['--libc=glibc'] : [];
  run(
    'npm',
    [
      'install',
      '--omit=dev',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-package-lock',
      `--os=${os}`,
      `--cpu=${cpu}`,
      ...libc,
    ],
    stage,
  );
  keepOnly(os, cpu, join(stage, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6'));
  const packagePath = join(out, `ompq-${target}-${manifest.version}.vsix`);
  await createVSIX({ cwd: stage, target, packagePath, allowMissingRepository: true });
  rmSync(stage, { recursive: true });
  report(packagePath);
}

/** onnxruntime-node carries every platform; what else is too much, .vscodeignore leaves out. */
function keepOnly(os, cpu, binaries) {
  for (const platform of readdirSync(binaries)) {
    for (const arch of readdirSync(join(binaries, platform))) {
      if (platform !== os || arch !== cpu) rmSync(join(binaries, platform, arch), { recursive: true });
    }
  }
}

function packNpm() {
  const printed = run('npm', ['pack', '--pack-destination', out, '--json'], root, 'pipe');
  report(join(out, JSON.parse(printed)[0].filename));
}

function run(command, args, cwd, stdout = 'ignore') {
  const shell = process.platform === 'win32'; // npm is a .cmd file there
  return execFileSync(command, args, { cwd, shell, encoding: 'utf8', stdio: ['ignore', stdout, 'inherit'] });
}

function installed(name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function report(path) {
  console.log(`${(statSync(path).size / 1e6).toFixed(1)} MB  ${path.slice(root.length + 1)}`);
}
