// The main job on the model in examples/: score, allocate, write the config, export, and measure what came out.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'demo-output');
const cli = join(root, 'dist', 'cli.js');
const model = join(root, 'examples', 'resnet_cifar10.onnx');
const calibration = ['--data', join(root, 'examples', 'calibration'), '--preset', 'cifar10'];
const test = ['--data', join(root, 'examples', 'test'), '--preset', 'cifar10'];
const AVERAGES = [4, 3, 2.5];
/** Columns of the table: how weights are rounded; +a8: activations at 8 bits, too. */
const VARIANTS = {
  nearest: ['--rounding', 'nearest'],
  gptq: ['--rounding', 'gptq'],
  reconstruct: ['--rounding', 'reconstruct'],
  'reconstruct +a8': ['--rounding', 'reconstruct', '--act-bits', '8'],
};

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
node([join(root, 'esbuild.mjs')]);

title('What can be quantized');
show(['inspect', model]);

title('Score on 64 unlabelled images, try the allocations at this size, keep the best one as a config');
show(['quantize', model, ...calibration, '--avg-bits', '3', '--out', configPath(3)]);

title('Write the quantized model and measure it on 500 labelled images');
show(['export', configPath(3), '--out', modelPath(3, 'reconstruct')]);
show(['eval', model, modelPath(3, 'reconstruct'), ...test]);

title('The same at other sizes, with simpler rounding, and with activations at 8 bits (about a minute)');
/** What did not work; the other variants are shown all the same. */
const failures = [];
const rows = AVERAGES.map((average) => {
  if (average !== 3) {
    const sizes = ['--avg-bits', average, '--out', configPath(average)];
    attempt(`quantizing to ${average} bits`, () => json(['quantize', model, ...calibration, ...sizes]));
  }
  const cells = Object.entries(VARIANTS).map(([name, options]) =>
    attempt(`${average} bits, ${name}`, () => measured(average, name, options)),
  );
  return { average, cells };
});

function attempt(what, work) {
  try {
    return work();
  } catch (error) {
    failures.push(`${what}: ${error.message}`);
    process.stderr.write(`  ${failures.at(-1)}\n`);
    return null;
  }
}

function measured(average, name, options) {
  const path = modelPath(average, name);
  if (average !== 3 || name !== 'reconstruct') {
    json(['export', configPath(average), ...options, '--out', path]);
  }
  process.stderr.write(`  ${relative(root, path)}\n`);
  return { bytes: statSync(path).size, ...json(['eval', model, path, ...test]) };
}

const percent = (value) => `${(100 * value).toFixed(1)} %`;
const size = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
const shown = rows.flatMap(({ cells }) => cells).find((cell) => cell !== null);
if (!shown) stop('No variant worked.');
const [float] = shown.models;
console.log(`\nTop-1 on ${shown.samples} test images; sizes as they are on the disk.\n`);
const names = Object.keys(VARIANTS);
console.log(`| average bits | file | smaller | ${names.join(' | ')} |`);
console.log(`|---|---|---|${'---|'.repeat(names.length)}`);
console.log(
  `| 32 (float) | ${size(float.bytes)} | 1.0x |${` ${percent(float.top1)} |`.repeat(names.length)}`,
);
for (const { average, cells } of rows) {
  const bytes = cells[names.indexOf('reconstruct')]?.bytes;
  const ratio = bytes ? `${size(bytes)} | ${(float.bytes / bytes).toFixed(1)}x` : '- | -';
  const accuracies = cells.map((cell) => (cell ? percent(cell.models[1].top1) : 'failed')).join(' | ');
  console.log(`| ${average} | ${ratio} | ${accuracies} |`);
}
const extra = rows.map(({ cells }) => cells[names.indexOf('reconstruct +a8')]?.bytes - cells[0]?.bytes);
const most = Math.max(...extra.filter((bytes) => !Number.isNaN(bytes)));
if (Number.isFinite(most)) {
  console.log(`\nThe files with activations at 8 bits (+a8) are up to ${size(most)} larger.`);
}
console.log(`Configs and models are in ${relative(process.cwd(), output) || output}.`);
if (failures.length > 0) stop(`These variants failed:\n  ${failures.join('\n  ')}`);

function configPath(average) {
  return join(output, `resnet_cifar10-${average}bit.ompq.json`);
}

function modelPath(average, variant) {
  return join(output, `resnet_cifar10-${average}bit-${variant.replace(' +', '-')}.onnx`);
}

function title(text) {
  console.log(`\n# ${text}`);
}

/** Shows a command as the user would type it, and runs it. */
function show(args) {
  const shown = args.map((arg) => (arg.startsWith(root) ? relative(root, arg) : arg));
  console.log(`$ ompq ${shown.join(' ')}`);
  try {
    node([cli, ...args]);
  } catch (error) {
    stop(error.message);
  }
}

/** @throws Error with the command's own words */
function json(args) {
  return JSON.parse(node([cli, ...args.map(String), '--json'], ['ignore', 'pipe', 'pipe']));
}

function node(args, stdio = ['ignore', 'inherit', 'inherit']) {
  const options = { cwd: root, stdio, encoding: 'utf8' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  if (status !== 0) {
    const said = stderr?.trim().split('\n').at(-1);
    throw new Error(said || `"${args.slice(1).join(' ')}" ended with code ${status}.`);
  }
  return stdout;
}

function stop(reason) {
  console.error(`\nThe demo failed. ${reason}`);
  process.exit(1);
}
