import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { notices } from '../licenses.mjs';
import { existing, manifest, nativeDependencies, npm, root } from './common.mjs';

/** Folders and files that .vscodeignore, an allow-list, chooses from. */
const SOURCES = [
  'media',
  'schemas',
  'syntaxes',
  'examples',
  'l10n',
  'package.nls.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  '.vscodeignore',
];

/** Packs the extension for one platform with the native modules of that platform alone; returns the file's path. */
export async function packVsix(target, bundles, out) {
  const stage = join(out, `stage-${target}`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const name of existing(SOURCES)) cpSync(join(root, name), join(stage, name), { recursive: true });
  cpSync(bundles, join(stage, 'dist'), { recursive: true });
  writeFileSync(join(stage, 'THIRD_PARTY_NOTICES.txt'), await notices());
  writeFileSync(join(stage, 'package.json'), JSON.stringify(shippedManifest(), null, 2));
  installNative(target, stage);
  const packagePath = join(out, `ompq-${target}-${manifest.version}.vsix`);
  await createVSIX({ cwd: stage, target, packagePath });
  rmSync(stage, { recursive: true });
  return packagePath;
}

function shippedManifest() {
  const shipped = { ...manifest, dependencies: nativeDependencies };
  for (const key of ['bin', 'scripts', 'devDependencies']) delete shipped[key];
  return shipped;
}

/** npm fetches another platform's optional packages when it is told to believe that it runs there. */
function installNative(target, stage) {
  const [os, cpu] = target.split('-');
  const platform = [`--os=${os}`, `--cpu=${cpu}`, ...(os === 'linux' ? ['--libc=glibc'] : [])];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  npm(['install', '--omit=dev', ...quiet, ...platform], stage);
  keepOnly(os, cpu, join(stage, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6'));
}

/** onnxruntime-node carries every platform. */
function keepOnly(os, cpu, binaries) {
  for (const platform of readdirSync(binaries)) {
    for (const arch of readdirSync(join(binaries, platform))) {
      if (platform !== os || arch !== cpu) rmSync(join(binaries, platform, arch), { recursive: true });
    }
  }
  // macOS: npm packs the link that the binding loads as a second copy of the library
  for (const file of readdirSync(join(binaries, os, cpu))) {
    if (/^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/.test(file)) rmSync(join(binaries, os, cpu, file));
  }
}
