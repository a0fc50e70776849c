import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { version } from '../../package.json';
import { root } from '../support/vscode/paths';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ompq-npm-'));
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  // onnxruntime-node's install script fetches CUDA libraries from outside the registry
  await run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', inject('tarball'));
  await cp(join(root, 'examples/resnet_cifar10.onnx'), join(folder, 'model.onnx'));
  await cp(join(root, 'examples/calibration'), join(folder, 'calibration'), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(command: string, ...args: string[]): Promise<string> {
  const shell = process.platform === 'win32'; // npm and npx are .cmd files there
  return (await promisify(execFile)(command, args, { cwd: folder, shell })).stdout;
}

const ompq = (...args: string[]): Promise<string> => run('npx', '--no-install', 'ompq', ...args);

test('an empty folder gets the command and nothing of the editor or of development', async () => {
  expect((await ompq('--version')).trim()).toBe(version);
  const installed = join(folder, 'node_modules/ompq');
  expect((await readdir(installed)).sort()).toEqual(
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD_PARTY_NOTICES.txt', 'dist', 'package.json'].sort(),
  );
  expect((await readdir(join(installed, 'dist'))).sort()).toEqual(['cli.js', 'engine.js']);
  expect((await stat(inject('tarball'))).size).toBeLessThan(1e6);
});

test('it quantizes and exports', async () => {
  const data = ['--data', 'calibration', '--preset', 'cifar10'];
  await ompq('quantize', 'model.onnx', ...data, '--avg-bits', '4', '--search-seconds', '0');
  const exported = JSON.parse(
    await ompq('export', 'model.ompq.json', '--rounding', 'nearest', '--json'),
  ) as object;
  expect(exported).toMatchObject({ model: join(folder, 'model.quantized.onnx') });
  const [float, quantized] = await Promise.all(
    ['model.onnx', 'model.quantized.onnx'].map(async (name) => (await stat(join(folder, name))).size),
  );
  expect(float / quantized).toBeGreaterThan(6);
});
