/** Jobs that are split give exactly what the whole job gives, bit for bit. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelProto } from '../../src/onnx/proto/onnx_pb';
import { mobilenetV2, resnet18, transformer } from '../support/models/zoo';
import { CLI, runCommand, type Ended } from './command';
import { save, scratch } from './harness';

const EXAMPLE = resolve('examples/resnet_cifar10.onnx');
const TEST_IMAGES = ['--data', resolve('examples/test'), '--preset', 'cifar10'];

function ompq(folder: string, args: string[]): Promise<Ended> {
  return runCommand(args, { cwd: folder, cache: join(folder, 'cache') });
}

async function json(folder: string, args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await ompq(folder, [...args, '--json']);
  expect(stderr + stdout, args.join(' ')).not.toMatch(/^ompq: /m);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const parts = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.part'));
const withoutTime = (reply: Record<string, unknown>) => ({ ...reply, seconds: null });

async function splitAndMerge(args: string[], count: number) {
  const folder = scratch();
  const whole = await json(folder, args);
  for (let i = 1; i <= count; i++) await json(folder, [...args, '--shard', `${i}/${count}`]);
  expect(parts(folder)).toHaveLength(count);
  const merged = await json(folder, ['merge', ...parts(folder).reverse()]);
  return { folder, whole, merged };
}

describe('evaluation in shards', () => {
  it('is that of all samples, with labels and against another model', async () => {
    const folder = scratch();
    const config = join(folder, 'net.ompq.json');
    const other = join(folder, 'small.onnx');
    const bits = ['--avg-bits', '4', '--objective', 'uniform', '--synthetic', '--samples', '8'];
    await json(folder, ['quantize', EXAMPLE, ...bits, '--out', config]);
    await json(folder, ['export', config, '--rounding', 'nearest', '--out', other]);
    const { whole, merged } = await splitAndMerge(['eval', EXAMPLE, other, ...TEST_IMAGES], 3);
    expect((whole.models as { top1: number }[])[0].top1).toBeGreaterThan(0.5);
    expect(withoutTime(merged)).toEqual(withoutTime(whole));
  });

  it('also of one model alone, and with more shards than blocks', async () => {
    const { whole, merged } = await splitAndMerge(['eval', EXAMPLE, ...TEST_IMAGES, '--limit', '40'], 4);
    expect(withoutTime(merged)).toEqual(withoutTime(whole));
  });
});

describe('the file of a shard', () => {
  it('replaces an earlier part, but nothing else', async () => {
    const folder = scratch();
    const model = join(folder, 'net.onnx');
    copyFileSync(EXAMPLE, model);
    const args = ['eval', model, '--synthetic', '--limit', '4', '--shard', '1/2', '--out'];
    const { code, stderr } = await ompq(folder, [...args, model]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/net\.onnx already exists and is not a shard result; give --out another name\.$/m);
    expect(readFileSync(model).equals(readFileSync(EXAMPLE))).toBe(true);
    for (let i = 0; i < 2; i++) await json(folder, [...args, 'a.part']);
    expect((await ompq(folder, [...args, 'none/a.part'])).stderr).toContain('its folder does not exist.');
  });
});

describe('scoring in shards', () => {
  it.each<[string, () => ModelProto, string[]]>([
    ['a residual network', () => resnet18({ size: 32, width: 0.125 }), []],
    ['an inverted residual network', () => mobilenetV2({ size: 32, width: 0.25 }), []],
    ['a transformer', () => transformer(), []],
    [
      'little memory, in several passes',
      () => resnet18({ size: 224, width: 0.25 }),
      ['--memory-limit', '240MB'],
    ],
  ])('is that of all functions: %s', async (_, make, more) => {
    const model = save(make(), 'net.onnx');
    const args = [
      'score',
      model,
      '--synthetic',
      '--samples',
      '24',
      '--no-cache',
      '--provider',
      'cpu',
      ...more,
    ];
    const { whole, merged } = await splitAndMerge(args, 3);
    expect(withoutTime(merged)).toEqual(withoutTime(whole));
  });

  it('is found by "ompq quantize" once it is merged', async () => {
    const folder = scratch();
    const args = [
      EXAMPLE,
      '--data',
      resolve('examples/calibration'),
      '--preset',
      'cifar10',
      '--samples',
      '16',
    ];
    for (const i of [1, 2]) await json(folder, ['score', ...args, '--shard', `${i}/2`]);
    await json(folder, ['merge', ...parts(folder)]);
    const rest = ['--objective', 'orthogonality', '--avg-bits', '5', '--out', join(folder, 'net.ompq.json')];
    expect(await json(folder, ['quantize', ...args, ...rest])).toMatchObject({ cached: true });
  });
});

describe('merge', () => {
  it('refuses what does not belong together, in one sentence', async () => {
    const folder = scratch();
    const args = ['eval', EXAMPLE, ...TEST_IMAGES, '--limit'];
    await json(folder, [...args, '64', '--shard', '1/2', '--out', 'a']);
    await json(folder, [...args, '64', '--shard', '2/2', '--out', 'b']);
    await json(folder, [...args, '60', '--shard', '2/2', '--out', 'c']);
    const refused = async (files: string[], message: RegExp) => {
      const { code, stderr } = await ompq(folder, ['merge', ...files]);
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
    };
    await refused(['a'], /^ompq: Shard 2\/2 is missing \(looked beside a\)\.\n$/);
    await refused(['a', 'b', 'a'], /^ompq: .*a and .*a are the same part; give each once\.\n$/);
    await refused(['a', 'c'], /^ompq: .*c and .*a are not parts of the same job: /);
    writeFileSync(join(folder, 'd'), 'something else');
    await refused(['a', 'd'], /^ompq: .*d is not a part that /);
    const bytes = readFileSync(join(folder, 'b'));
    truncateSync(join(folder, 'b'), bytes.length >> 1);
    await refused(['a', 'b'], /^ompq: .*b is not a part that /);
    await refused(['a', 'nowhere'], /^ompq: Cannot read .*nowhere: /);
    expect((await ompq(folder, [...args, '64', '--shard', '3/2'])).stderr).toContain(
      'Expected INDEX/COUNT, e.g. 1/4',
    );
  });
});

describe('docs/scale-out.md', () => {
  const hasParallel = (): boolean => {
    try {
      return execFileSync('parallel', ['--version'], { encoding: 'utf8' }).includes('GNU');
    } catch {
      return false;
    }
  };

  it('the shards of GNU parallel, by it where it is installed, else started at once by the test', async () => {
    const folder = scratch();
    const command = /^seq 4 \| parallel -j 2 (ompq eval .*)$/m.exec(
      readFileSync('docs/scale-out.md', 'utf8'),
    )![1];
    const args = command
      .replace('model.onnx', EXAMPLE)
      .replace('--data images', TEST_IMAGES.join(' '))
      .split(' ')
      .slice(1);
    if (hasParallel()) {
      const line = [process.execPath, CLI, ...args].join(' ');
      execFileSync('bash', ['-c', `seq 4 | parallel -j 2 ${line}`], { cwd: folder });
    } else {
      const shards = ['1', '2', '3', '4'].map((i) => args.map((word) => word.replace('{}', i)));
      for (const { code } of await Promise.all(shards.map((each) => ompq(folder, each))))
        expect(code).toBe(0);
    }
    const merged = await json(folder, ['merge', ...parts(folder)]);
    const whole = await json(folder, ['eval', EXAMPLE, ...TEST_IMAGES]);
    expect(withoutTime(merged)).toEqual(withoutTime(whole));
  });
});
