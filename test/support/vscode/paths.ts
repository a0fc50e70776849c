import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root, found from this module's own place: it runs from test/support/vscode and bundled from out/. */
export const root = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Where the tests' VS Code and browser are kept between runs; git ignores it. */
export const cacheFolder = join(root, '.vscode-test');

/** Bundles, reports and pictures of the tests; git ignores it. */
export const outFolder = join(root, 'out');

function findRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && isOurs(manifest)) return folder;
    if (dirname(folder) === folder) throw new Error(`No package.json of this project above ${start}.`);
  }
}

function isOurs(manifest: string): boolean {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'ompq';
}
