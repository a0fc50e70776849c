// Bundles the launcher of test/support/vscode, which is TypeScript, and runs it.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
await build({
  entryPoints: [path('test/support/vscode/main.ts')],
  outfile: path('out/vscode.mjs'),
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  logLevel: 'warning',
});
await import('../out/vscode.mjs');
