// All of ONNX's own suite, or with --tenth the seeded tenth that `npm test` runs.
import { spawnSync } from 'node:child_process';

const args = process.argv.slice(2);
const rest = args.filter((arg) => arg !== '--tenth');
const env = { ...process.env, ...(rest.length === args.length ? { OMPQ_ONNX: 'all' } : {}) };
const options = { stdio: 'inherit', env, shell: process.platform === 'win32' };
process.exitCode = spawnSync('npx', ['vitest', 'run', '--project', 'onnx', ...rest], options).status ?? 1;
