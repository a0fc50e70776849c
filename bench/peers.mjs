/**
 * Size and top-1 of the example model: ours, and onnxruntime's own quantizer on the same inputs in the same run. The
 * peer is Python: it gets an environment of its own in the temporary folder, and is skipped where there is no Python.
 *
 *   node bench/peers.mjs
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const model = 'examples/resnet_cifar10.onnx';
const calibration = 'examples/calibration';
const test = 'examples/test';
const scratch = mkdtempSync(join(tmpdir(), 'ompq-peers-'));
try {
  main();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function main() {
  const rows = [];
  const peer = onnxruntimeQuantizer();
  for (const { name, bytes, top1, error } of peer?.rows ?? []) {
    const tool = name === 'float32' ? 'float32' : `onnxruntime ${peer.version}, ${name}`;
    rows.push(error ? [tool, '-', `failed: ${error}`] : [tool, size(bytes), percent(top1)]);
  }
  run(process.execPath, ['esbuild.mjs']);
  for (const bits of [8, 4, 3]) rows.push(ours(bits));
  console.log('| | file | top-1 |\n| --- | --- | --- |');
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  if (!peer) console.log("\nonnxruntime's quantizer was skipped: there is no Python with venv and pip here.");
}

function ours(bits) {
  const config = join(scratch, `${bits}.ompq.json`);
  const out = join(scratch, `${bits}.onnx`);
  const data = ['--data', calibration, '--preset', 'cifar10'];
  ompq('quantize', model, ...data, '--avg-bits', bits, '--out', config);
  ompq('export', config, '--out', out);
  const reply = JSON.parse(ompq('eval', model, out, '--data', test, '--preset', 'cifar10'));
  return [`OMPQ, ${bits}-bit weights on average`, size(statSync(out).size), percent(reply.models[1].top1)];
}

function ompq(...args) {
  return run(process.execPath, ['dist/cli.js', ...args.map(String), '--json']);
}

/** Null where Python, its venv or its packages are missing. */
function onnxruntimeQuantizer() {
  const environment = join(scratch, 'venv');
  const python = process.platform === 'win32' ? 'python' : 'python3';
  if (!tried(python, ['-m', 'venv', environment])) return null;
  const inside = ['bin/python', 'Scripts/python.exe'].map((name) => join(environment, name)).find(existsSync);
  const packages = ['onnxruntime', 'onnx', 'numpy', 'pillow', 'sympy'];
  if (!tried(inside, ['-m', 'pip', 'install', '--quiet', ...packages])) return null;
  const script = 'bench/peers/onnxruntime_quantizer.py';
  return JSON.parse(
    run(inside, [script, resolve(model), calibration, test])
      .trim()
      .split('\n')
      .at(-1),
  );
}

function tried(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function run(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${status}.`);
  return stdout;
}

function size(bytes) {
  return `${(bytes / 1000).toFixed(1)} KB`;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
