// Writes docs/reference.md from package.json and the definitions of the commands, and the tools for agents into package.json.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { reference } from './docs/reference.mjs';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const json = (name) => (existsSync(path(name)) ? JSON.parse(readFileSync(path(name), 'utf8')) : {});

await build({
  entryPoints: { program: path('src/cli/program.ts'), contributed: path('src/agents/contributed.ts') },
  outdir: path('out'),
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  mainFields: ['module', 'main'],
  external: ['onnxruntime-node', 'sharp'],
  logLevel: 'warning',
});
const load = createRequire(import.meta.url);
const { program } = load(path('out/program.cjs'));
const { contributedTools } = load(path('out/contributed.cjs'));
const manifest = json('package.json');
manifest.contributes.languageModelTools = contributedTools();
writeFileSync(path('package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
const file = path('docs/reference.md');
const text = reference(manifest, json('package.nls.json'), program());
writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));
console.log('Wrote docs/reference.md and the language model tools of package.json.');
