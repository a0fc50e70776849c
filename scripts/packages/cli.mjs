import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { notices } from '../licenses.mjs';
import { manifest, nativeDependencies, npm, root } from './common.mjs';

/** Packs the command `ompq` for the npm registry; returns the tarball's path. */
export async function packCli(bundles, out) {
  const stage = join(out, 'stage-npm');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, 'dist'), { recursive: true });
  for (const name of ['cli.js', 'engine.js']) cpSync(join(bundles, name), join(stage, 'dist', name));
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE']) cpSync(join(root, name), join(stage, name));
  writeFileSync(join(stage, 'THIRD_PARTY_NOTICES.txt'), await notices());
  writeFileSync(join(stage, 'package.json'), JSON.stringify(cliManifest(), null, 2));
  const printed = npm(['pack', '--pack-destination', out, '--json', '--loglevel=error'], stage);
  rmSync(stage, { recursive: true });
  return join(out, JSON.parse(printed)[0].filename);
}

/** Of package.json what a command line tool needs: nothing of the editor, nothing of development. */
function cliManifest() {
  const { name, version, keywords, license, repository, bin, engines } = manifest;
  return {
    ...{ name, version, description: description(), keywords, license, repository, bin },
    engines: { node: engines.node },
    dependencies: nativeDependencies,
  };
}

/** package.json may only name it. */
function description() {
  const key = /^%(.+)%$/.exec(manifest.description)?.[1];
  return key ? JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8'))[key] : manifest.description;
}
