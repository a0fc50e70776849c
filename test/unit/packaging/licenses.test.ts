import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAllowed, notices, shippedLicenses } from '../../../scripts/licenses.mjs';
import { root } from '../../support/vscode/paths';

test('everything that is shipped may be shipped', async () => {
  const shipped = await shippedLicenses();
  const names = shipped.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['commander', 'onnxruntime-node', '@observablehq/plot', 'sharp']),
  );
  expect(names).not.toContain('vitest');
  expect(shipped.filter(({ license }) => !isAllowed(license))).toEqual([]);
});

test.each([
  ['(Apache-2.0 AND BSD-3-Clause)', true],
  ['(MIT OR GPL-3.0)', true],
  ['MIT AND GPL-3.0', false],
  ['UNLICENSED', false],
  [undefined, false],
])('the licence %s', (license, allowed) => expect(isAllowed(license)).toBe(allowed));

test('their texts are passed on', async () => {
  expect(await notices()).toMatch(/commander\n-+\n\(The MIT License\)/);
});

test("the lock file is version 3 and names no registry but npm's", () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    lockfileVersion: number;
    packages: Record<string, { resolved?: string }>;
  };
  expect(lock.lockfileVersion).toBe(3);
  const foreign = Object.values(lock.packages).filter(
    ({ resolved }) => resolved && !resolved.startsWith('https://registry.npmjs.org/'),
  );
  expect(foreign).toEqual([]);
});
