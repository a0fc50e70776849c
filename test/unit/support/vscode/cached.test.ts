import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { cached } from '../../../support/vscode/cached';
import { cacheFolder } from '../../../support/vscode/paths';

const name = `unit-test-${process.pid}`;
afterEach(() => {
  for (const entry of readdirSync(cacheFolder).filter((file) => file.startsWith(name))) {
    rmSync(join(cacheFolder, entry), { recursive: true });
  }
});

function fill(calls: string[]): (folder: string) => Promise<void> {
  return (folder) => {
    calls.push(folder);
    writeFileSync(join(folder, 'content'), 'x');
    return Promise.resolve();
  };
}

test('fills a folder once', async () => {
  const calls: string[] = [];
  const folder = await cached(name, fill(calls));
  expect(await cached(name, fill(calls))).toBe(folder);
  expect(calls).toHaveLength(1);
  expect(existsSync(join(folder, 'content'))).toBe(true);
});

test('redoes what failed or was left half done, and leaves nothing of it', async () => {
  await expect(cached(name, () => Promise.reject(new Error('offline')))).rejects.toThrow('offline');
  mkdirSync(join(cacheFolder, name)); // a folder without a stamp
  mkdirSync(join(cacheFolder, `${name}.staging-2147483646`)); // of a process that is no more
  const folder = await cached(name, fill([]));
  expect(existsSync(join(folder, 'content'))).toBe(true);
  expect(readdirSync(cacheFolder).filter((file) => file.startsWith(name))).toEqual([name]);
});
