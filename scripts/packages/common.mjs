import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What runs from node_modules; everything else is bundled. Exactly the versions that were tested. */
export const nativeDependencies = Object.fromEntries(
  Object.keys(manifest.dependencies).map((name) => [name, installedVersion(name)]),
);

function installedVersion(name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** The bundles as they are shipped, in a folder of their own: dist/ may be in use. */
export function buildBundles(folder) {
  execFileSync(process.execPath, [join(root, 'esbuild.mjs'), '--production', `--outdir=${folder}`], {
    cwd: root,
    stdio: 'inherit',
  });
}

export function npm(args, cwd) {
  const shell = process.platform === 'win32'; // npm is a .cmd file there
  return execFileSync('npm', args, { cwd, shell, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

export function report(path) {
  console.log(`${(statSync(path).size / 1e6).toFixed(1).padStart(5)} MB  ${relative(process.cwd(), path)}`);
}

/** Names of the list that exist in the project. */
export function existing(names) {
  return names.filter((name) => existsSync(join(root, name)));
}
