// Bundles bench/<name>.ts and runs it: node bench/run.mjs accuracy [arguments]
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';

const [name, ...rest] = process.argv.slice(2);
const outfile = `out/bench/${name}.cjs`;
await build({
  entryPoints: [`bench/${name}.ts`],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['highs', 'onnxruntime-node', 'sharp', 'esbuild', 'playwright-core', '@sparticuz/chromium'],
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [outfile, ...rest], { stdio: 'inherit' });
process.exit(status ?? 1);
