// Bundles the extension, the engine process, the CLI and the webview into dist/, or into --outdir=FOLDER.
import { build, context } from 'esbuild';
import { existsSync } from 'node:fs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const outdir = process.argv.find((argument) => argument.startsWith('--outdir='))?.slice(9) ?? 'dist';
const common = {
  bundle: true,
  sourcemap: !production,
  minify: production,
  logLevel: 'warning',
  outdir,
};
const native = ['vscode', 'onnxruntime-node', 'sharp'];
const entries = (files) =>
  Object.fromEntries(Object.entries(files).filter(([, source]) => existsSync(source)));

const targets = [
  {
    ...common,
    entryPoints: entries({
      extension: 'src/extension.ts',
      cli: 'src/cli.ts',
      engine: 'src/engine/main.ts',
    }),
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // jsonc-parser's main is UMD, whose requires a bundler cannot follow
    mainFields: ['module', 'main'],
    external: native,
  },
  {
    ...common,
    entryPoints: entries({ panel: 'webview/panel.ts', worker: 'webview/worker.ts' }),
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  },
].filter((target) => Object.keys(target.entryPoints).length > 0);

for (const target of targets) {
  if (watch) await (await context(target)).watch();
  else await build(target);
}
