// Checks the licences of everything that is shipped, bundled or installed beside, against a list; prints them.
// --notices prints the texts instead, for the packages.
import { build } from 'esbuild';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Licences that let us ship the package inside ours; libvips is linked dynamically, as the LGPL asks. */
const ALLOWED = [
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'Unlicense',
  'LGPL-3.0-or-later',
];

/** Folders of the packages whose code ends up in the bundles, found by bundling. */
async function bundled() {
  const { metafile } = await build({
    entryPoints: [
      'src/extension.ts',
      'src/cli.ts',
      'src/engine/process/main.ts',
      'webview/panel.ts',
      'webview/worker.ts',
    ],
    absWorkingDir: root,
    outdir: 'out',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    external: ['vscode', 'onnxruntime-node', 'sharp'],
    logLevel: 'error',
  });
  return Object.keys(metafile.inputs).flatMap((path) => {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path);
    return folder ? [folder[0]] : [];
  });
}

/** Folders of what package.json and the lock file install beside the bundles, for every platform. */
function installed() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { license }]) => ({ path, license }));
}

/** @returns {Promise<{ name: string, license: string | undefined, folder: string }[]>} */
export async function shippedLicenses() {
  const found = new Map();
  for (const folder of await bundled()) {
    const { name, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    found.set(name, { license, folder });
  }
  for (const { path, license } of installed()) {
    found.set(path.slice(path.lastIndexOf('node_modules/') + 13), { license, folder: path });
  }
  return [...found].map(([name, rest]) => ({ name, ...rest })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Every part of an AND, one part of an OR.
 * @param {string | undefined} license
 */
export function isAllowed(license) {
  return (license ?? '')
    .replace(/[()]/g, '')
    .split(' AND ')
    .every((part) => part.split(' OR ').some((one) => ALLOWED.includes(one.trim())));
}

/** The licence texts of the bundled packages, which their licences ask to be passed on. */
export async function notices() {
  const texts = [];
  for (const { name, license, folder } of await shippedLicenses()) {
    const path = join(root, folder);
    const file = existsSync(path) && readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(path, file), 'utf8').trim() : `Licence: ${license}`;
    texts.push(`${name}\n${'-'.repeat(name.length)}\n${text}\n`);
  }
  return `Software of others in this package, and its licences.\n\n${texts.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--notices')) console.log(await notices());
  else {
    const all = await shippedLicenses();
    for (const { name, license } of all) console.log(`${(license ?? 'unknown').padEnd(45)} ${name}`);
    const bad = all.filter(({ license }) => !isAllowed(license));
    if (bad.length > 0) {
      console.error(`\nNot on the list of allowed licences: ${bad.map(({ name }) => name).join(', ')}.`);
      process.exitCode = 1;
    }
  }
}
