import { fork } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { chmod, cp, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cache } from '../../../src/cache/cache';
import { canonical } from '../../../src/common/canonical';
import { dataFingerprint } from '../../../src/calibration/dataFingerprint';
import { userCacheFolder } from '../../../src/cache/folder';
import { decodeRecord, encodeRecord } from '../../../src/cache/record';
import { findScore, keepScore, scoreKey } from '../../../src/pipeline/keptScores';
import type { DataSpec } from '../../../src/calibration/inputs/spec';
import type { ScoreReply } from '../../../src/engine/protocol';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ompq-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(maxBytes?: number): { cache: Cache; log: string[]; entries: () => string[] } {
  const folder = join(scratch(), 'deep', 'cache');
  const log: string[] = [];
  const cache = new Cache(folder, { maxBytes, log: (line) => log.push(line) });
  const entries = () => readdirSync(join(folder, 'n')).map((name) => join(folder, 'n', name));
  return { cache, log, entries };
}

const text = (bytes: Buffer | null) => bytes && bytes.toString();

describe('the cache', () => {
  it('gives back what was put, by namespace and key', async () => {
    const { cache, log } = open();
    expect(await cache.get('n', 'k')).toBeNull();
    await cache.put('n', 'k', Buffer.from('one'));
    await cache.put('m', 'k', Buffer.from('two'));
    await cache.put('n', 'empty', Buffer.alloc(0));
    expect(text(await cache.get('n', 'k'))).toBe('one');
    expect(text(await cache.get('m', 'k'))).toBe('two');
    expect(text(await cache.get('n', 'empty'))).toBe('');
    expect(await cache.get('n', 'other')).toBeNull();
    await cache.put('n', 'k', Buffer.from('three'));
    expect(text(await cache.get('n', 'k'))).toBe('three');
    expect(log).toEqual([]);
  });

  it('removes an entry that is damaged anywhere, cut off or under another name, and heals', async () => {
    const { cache, log, entries } = open();
    await cache.put('n', 'k', Buffer.from('some result'));
    const [path] = entries();
    const whole = readFileSync(path);
    const damages: Buffer[] = [
      Buffer.alloc(0),
      Buffer.from('x'),
      whole.subarray(0, 20),
      whole.subarray(0, -1),
    ];
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at] ^= 1;
      damages.push(flipped);
    }
    for (const damaged of damages) {
      writeFileSync(path, damaged);
      expect(await cache.get('n', 'k')).toBeNull();
      expect(existsSync(path)).toBe(false);
    }
    expect(log).toHaveLength(damages.length);
    expect(log[0]).toBe(`A damaged entry of the cache was removed: ${path}.`);
    await cache.put('n', 'other', Buffer.from('other result'));
    await cp(entries()[0], path);
    expect(await cache.get('n', 'k')).toBeNull();
    await cache.put('n', 'k', Buffer.from('some result'));
    expect(text(await cache.get('n', 'k'))).toBe('some result');
  });

  it('stays below its size by dropping what was not used for longest', async () => {
    const { cache, entries } = open(5000);
    for (const key of ['a', 'b', 'c', 'd']) {
      await cache.put('n', key, Buffer.alloc(1100, key));
      for (const path of entries()) {
        const before = new Date(Date.now() - 60_000 - entries().length * 1000);
        if (readFileSync(path)[100] === key.charCodeAt(0)) utimesSync(path, before, before);
      }
    }
    expect(text(await cache.get('n', 'a'))).toBe('a'.repeat(1100)); // now the last used
    await cache.put('n', 'e', Buffer.alloc(1100, 'e'));
    const kept = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => cache.get('n', key)));
    expect(kept.map((bytes) => bytes !== null)).toEqual([true, true, true, false, true]);
    await cache.put('n', 'large', Buffer.alloc(2600));
    expect(await cache.get('n', 'large')).toBeNull();
  });

  it('that cannot be written or read costs a word in the log, nothing else', async ({ skip }) => {
    const folder = scratch();
    writeFileSync(join(folder, 'file'), '');
    const log: string[] = [];
    const blocked = new Cache(join(folder, 'file'), { log: (line) => log.push(line) });
    await blocked.put('n', 'k', Buffer.from('one'));
    expect(await blocked.get('n', 'k')).toBeNull();
    expect(log[0]).toMatch(/^The cache in .* cannot be written: /);
    if (process.getuid?.() === 0) skip('root may write everywhere');
    await mkdir(join(folder, 'closed'), { mode: 0o500 });
    const closed = new Cache(join(folder, 'closed'), { log: (line) => log.push(line) });
    await closed.put('n', 'k', Buffer.from('one'));
    expect(log.at(-1)).toMatch(/cannot be written: EACCES/);
    await chmod(join(folder, 'closed'), 0o700);
  });

  it('is safe under several processes that write, read, trim and die', async () => {
    const folder = scratch();
    const script = join(folder, 'worker.js');
    await build({
      stdin: {
        contents: `import { Cache } from './src/cache/cache';
          const cache = new Cache(${JSON.stringify(join(folder, 'cache'))}, { maxBytes: 60_000, log: (l) => process.send(l) });
          let seen = 0;
          void (async () => {
            for (let i = 0; i < 400; i++) {
              if (i === 20) process.send('at work');
              const key = String(Math.floor(Math.random() * 8));
              const got = await cache.get('n', key);
              if (got) { seen++; if (!got.equals(Buffer.alloc(10_000, key))) process.send('torn ' + key); }
              else await cache.put('n', key, Buffer.alloc(10_000, key));
            }
            process.send({ seen });
            process.disconnect();
          })();`,
        resolveDir: process.cwd(),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      outfile: script,
    });
    const said: unknown[] = [];
    const children = Array.from({ length: 4 }, () => fork(script));
    children.forEach((child) => child.on('message', (message) => said.push(message)));
    children[3].on('message', (message) => message === 'at work' && children[3].kill('SIGKILL'));
    await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
    const others = said.filter((message) => message !== 'at work');
    expect(others.filter((message) => typeof message === 'string')).toEqual([]);
    expect(others).toHaveLength(3);
    for (const { seen } of others as { seen: number }[]) expect(seen).toBeGreaterThan(0);
  });
});

it('records survive the trip; other bytes are none', () => {
  const record = { head: { a: 'ä\n', n: [1] }, values: Float64Array.of(1, -0, NaN, 1e-300, Infinity) };
  expect(decodeRecord(encodeRecord(record))).toEqual(record);
  expect(decodeRecord(encodeRecord({ head: null, values: new Float64Array(0) }))?.values).toHaveLength(0);
  for (const bytes of ['', 'no line', '{"a":\n12345678', '{}\n1234567']) {
    expect(decodeRecord(Buffer.from(bytes))).toBeNull();
  }
});

it('equal values have equal text', () => {
  expect(canonical({ b: 1, a: [{ d: undefined, c: 2 }] })).toBe(canonical({ a: [{ c: 2 }], b: 1 }));
  expect(canonical({ a: [1, 2] })).not.toBe(canonical({ a: [2, 1] }));
});

describe('the fingerprint of data', () => {
  const fill = (folder: string) => {
    writeFileSync(join(folder, 'a.png'), 'aaaa');
    writeFileSync(join(folder, 'b.png'), 'bbbb');
    writeFileSync(join(folder, 'labels.csv'), 'a.png,1');
  };

  it('is that of a copy, and changes with any content and any name', async () => {
    const folder = scratch();
    fill(folder);
    const first = await dataFingerprint(folder);
    const copy = scratch();
    await cp(folder, copy, { recursive: true });
    expect(await dataFingerprint(copy)).toBe(first);
    const seen = new Set([first]);
    const now = new Date();
    const changes: (() => void)[] = [
      () => writeFileSync(join(copy, 'a.png'), 'aaab'),
      () => writeFileSync(join(copy, 'c.png'), ''),
      () => rmSync(join(copy, 'b.png')),
      () => writeFileSync(join(copy, 'labels.csv'), 'a.png,2'),
    ];
    for (const change of changes) {
      change();
      // A tool that sets times back does not hide a change.
      utimesSync(join(copy, 'a.png'), now, now);
      seen.add(await dataFingerprint(copy));
    }
    expect(seen.size).toBe(1 + changes.length);
    expect(await dataFingerprint(join(folder, 'a.png'))).not.toBe(
      await dataFingerprint(join(folder, 'b.png')),
    );
  });

  it('does not confuse where one file ends and the next begins', async () => {
    const [one, two] = [scratch(), scratch()];
    writeFileSync(join(one, 'a'), 'xy');
    writeFileSync(join(one, 'b'), '');
    writeFileSync(join(two, 'a'), 'x');
    writeFileSync(join(two, 'b'), 'y');
    expect(await dataFingerprint(one)).not.toBe(await dataFingerprint(two));
  });

  it('of large data takes sizes and times, which a rewrite changes', async () => {
    const path = join(scratch(), 'large.npy');
    writeFileSync(path, '');
    const { truncate } = await import('node:fs/promises');
    await truncate(path, 3e9); // sparse: reading it would take seconds
    const first = await dataFingerprint(path);
    expect(await dataFingerprint(path)).toBe(first);
    const fixed = new Date(1e12);
    utimesSync(path, fixed, fixed);
    const second = await dataFingerprint(path);
    expect(second).not.toBe(first);
    const { open: openFile } = await import('node:fs/promises');
    const file = await openFile(path, 'r+');
    await file.write('x', 1000);
    await file.close();
    utimesSync(path, fixed, fixed);
    expect(await dataFingerprint(path)).not.toBe(second);
  });

  it('is nothing for data that is not there', async () => {
    expect(await dataFingerprint(join(scratch(), 'nowhere'))).toBeNull();
    expect(await dataFingerprint(null)).toBe('synthetic');
  });
});

describe('kept scores', () => {
  const data: DataSpec = { path: null, samples: 3, seed: 0, shapes: {}, preprocessing: { preset: 'unit' } };
  const settings = { granularity: 'layer', data, provider: 'auto' } as const;
  const reply: ScoreReply = {
    samples: 3,
    grams: Float64Array.from({ length: 18 }, (_, i) => i / 7),
    provider: 'CPU, 2 threads',
    seconds: { load: 1, score: 2 },
    synthetic: true,
    dataDescription: 'synthetic input (seed 0)',
    warnings: ['a word'],
  };

  it('come back as they were, for as many functions', async () => {
    const { cache } = open();
    const key = (await scoreKey('abc', settings))!;
    await keepScore(cache, key, reply);
    expect(await findScore(cache, key, 2)).toEqual(reply);
    expect(await findScore(cache, key, 3)).toBeNull();
  });

  it('depend on model, data, samples, seed, shapes, preprocessing, granularity and provider', async () => {
    const keys = [
      await scoreKey('abc', settings),
      await scoreKey('abd', settings),
      await scoreKey('abc', { ...settings, granularity: 'block' }),
      await scoreKey('abc', { ...settings, provider: 'cpu' }),
      await scoreKey('abc', { ...settings, data: { ...data, path: scratch() } }),
      await scoreKey('abc', { ...settings, data: { ...data, samples: 4 } }),
      await scoreKey('abc', { ...settings, data: { ...data, seed: 1 } }),
      await scoreKey('abc', { ...settings, data: { ...data, shapes: { x: [1, 2] } } }),
      await scoreKey('abc', { ...settings, data: { ...data, preprocessing: { preset: 'imagenet' } } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(await scoreKey('abc', { ...settings, data: { ...data } })).toBe(keys[0]);
  });
});

describe("the user's cache folder", () => {
  it.each([
    [{ OMPQ_CACHE_DIR: '/given' }, 'linux', '/given'],
    [{ XDG_CACHE_HOME: '/xdg' }, 'linux', join('/xdg', 'ompq')],
    [{ XDG_CACHE_HOME: 'relative' }, 'linux', join('/home/me', '.cache', 'ompq')],
    [{}, 'linux', join('/home/me', '.cache', 'ompq')],
    [{}, 'darwin', join('/home/me', 'Library', 'Caches', 'ompq')],
    [{ LOCALAPPDATA: '/local' }, 'win32', join('/local', 'ompq', 'cache')],
    [{}, 'win32', join('/home/me', 'AppData', 'Local', 'ompq', 'cache')],
  ] as const)('%o on %s is %s', (env, platform, expected) => {
    expect(userCacheFolder(env, platform, '/home/me')).toBe(expected);
  });
});
