import { expect, test } from 'vitest';
import { TARGETS } from '../../../scripts/packages/targets.mjs';
import { unsupported, type Platform } from '../../../src/common/platform';

test('runs on every platform that a package is made for', () => {
  for (const target of TARGETS) {
    const [os, arch] = target.split('-');
    expect(unsupported({ os, arch }), target).toBeNull();
  }
});

test.each<[Platform, string]>([
  [
    { os: 'linux', arch: 'x64', musl: true },
    'not supported on Alpine Linux and other systems with musl (x64)',
  ],
  [{ os: 'linux', arch: 'arm' }, 'not supported on Linux (arm)'],
  [{ os: 'darwin', arch: 'x64' }, 'not supported on macOS (x64)'],
  [{ os: 'freebsd', arch: 'x64' }, 'not supported on freebsd (x64)'],
])('%o is named in one sentence that also says where OMPQ runs', (platform, expected) => {
  const sentence = unsupported(platform);
  expect(sentence).toContain(expected);
  expect(sentence).toMatch(/it runs on Linux with glibc .* Windows \(x64, arm64\)\.$/);
});
