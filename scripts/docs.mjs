// Writes docs/reference.md from package.json and the definitions of the commands.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { reference } from './docs/reference.mjs';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const json = (name) => (existsSync(path(name)) ? JSON.parse(readFileSync(path(name), 'utf8')) : {});

await build({
  entryPoints: [path('src/cli/program.ts')],
  outfile: path('out/program.cjs'),
  bundle: true,
  platform: 'node',
  mainFields: ['module', 'main'],
  external: ['onnxruntime-node', 'sharp'],
  logLevel: 'warning',
});
const { program } = createRequire(import.meta.url)(path('out/program.cjs'));
const file = path('docs/reference.md');
const text = reference(json('package.json'), json('package.nls.json'), program());
writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));
console.log('Wrote docs/reference.md.');
