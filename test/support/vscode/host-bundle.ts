import { build } from 'esbuild';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outFolder, root } from './paths';

/** Bundles test/host into out/host and returns the module that VS Code has to run. */
export async function bundleHostTests(source = join(root, 'test/host')): Promise<string> {
  const folder = join(outFolder, 'host');
  await rm(folder, { recursive: true, force: true });
  const tests = (await readdir(source)).filter((name) => name.endsWith('.test.ts'));
  await build({
    entryPoints: [join(root, 'test/host/index.ts'), ...tests.map((name) => join(source, name))],
    entryNames: '[name]',
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: 'inline',
    mainFields: ['module', 'main'], // as in esbuild.mjs
    external: ['vscode', 'mocha', 'onnxruntime-node', 'sharp'],
    logLevel: 'warning',
  });
  return join(folder, 'index.js');
}
