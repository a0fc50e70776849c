// Bundles the extension, the engine process, the CLI and the webview into dist/, or into --outdir=FOLDER.
import { build, context } from 'esbuild';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commonJs, vscodeByName } from './scripts/esbuild/plugins.mjs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const outdir = process.argv.find((argument) => argument.startsWith('--outdir='))?.slice(9) ?? 'dist';
const common = {
  bundle: true,
  sourcemap: !production,
  minify: production,
  logLevel: watch ? 'info' : 'warning',
  outdir,
};
const native = ['vscode', 'onnxruntime-node', 'sharp'];
const entries = (files) =>
  Object.fromEntries(Object.entries(files).filter(([, source]) => existsSync(source)));
const node = {
  ...common,
  platform: 'node',
  target: 'node20',
  // jsonc-parser's main is UMD, whose requires a bundler cannot follow
  mainFields: ['module', 'main'],
  external: native,
};

const targets = [
  {
    ...node,
    // what activation does not need lies in chunks of its own, loaded when it is first wanted
    entryPoints: entries({ extension: 'src/extension.ts' }),
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    write: false,
    plugins: [vscodeByName, commonJs],
  },
  {
    ...node,
    entryPoints: entries({ cli: 'src/cli.ts', engine: 'src/engine/process/main.ts' }),
    format: 'cjs',
  },
  {
    ...common,
    entryPoints: entries({
      panel: 'webview/panel.ts',
      worker: 'webview/worker.ts',
      preprocessing: 'webview/preprocessing/entry.ts',
    }),
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  },
].filter((target) => Object.keys(target.entryPoints).length > 0);

rmSync(join(outdir, 'chunks'), { recursive: true, force: true });
for (const target of targets) {
  if (watch) await (await context(target)).watch();
  else await build(target);
}
