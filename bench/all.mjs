// Runs the benches, prints what they print with machine and versions, and puts their tables into the documents that
// quote them: npm run bench [-- NAME...]. A document quotes bench NAME between <!-- bench:NAME --> and its end.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { insert, tablesOf } from './insert.mjs';

const typescript = readdirSync('bench')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3));
const commands = {
  ...Object.fromEntries(typescript.map((name) => [name, ['bench/run.mjs', name]])),
  resnet20: ['bench/run.mjs', 'accuracy', '--bits', '4,3,2.5', '--acts', 'none', '--short'],
  peers: ['bench/peers.mjs'],
  networks: ['bench/networks.mjs'],
  demo: ['scripts/demo.mjs'],
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in commands));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${Object.keys(commands).join(', ')}.`);
  process.exit(2);
}

console.log(`${machine()}\n`);
let failed = 0;
for (const name of wanted.length > 0 ? wanted : Object.keys(commands)) {
  console.log(`\n# ${name}\n`);
  const { status, stdout } = spawnSync(process.execPath, commands[name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 2 ** 20,
  });
  console.log(stdout);
  if (status !== 0) {
    console.error(`bench ${name} ended with code ${status}.`);
    failed++;
  } else await quote(name, stdout);
}
process.exitCode = failed > 0 ? 1 : 0;

/** Where the bench prints no table, because its data are missing, the documents keep the one they have. */
async function quote(name, printed) {
  const tables = tablesOf(printed);
  if (tables === '') return;
  for (const file of documents()) {
    const text = readFileSync(file, 'utf8');
    const changed = insert(text, name, tables);
    if (changed === text) continue;
    writeFileSync(file, await format(changed, { ...(await resolveConfig(file)), parser: 'markdown' }));
    console.log(`${file} quotes it now.`);
  }
}

function documents() {
  const inside = (folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name));
  return ['README.md', ...inside('bench'), ...inside('docs')];
}

function machine() {
  const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;
  return [
    `${process.platform} ${process.arch}, ${cpus().length} x ${cpus()[0].model.trim()}, ${(totalmem() / 1e9).toFixed(0)} GB`,
    `Node.js ${process.versions.node}, ONNX Runtime ${version('onnxruntime-node')}, sharp ${version('sharp')}`,
    `OMPQ ${JSON.parse(readFileSync('package.json', 'utf8')).version}, ${new Date().toISOString().slice(0, 10)}`,
  ].join('; ');
}
