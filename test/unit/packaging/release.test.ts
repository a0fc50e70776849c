import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../../support/vscode/paths';

let repository: string;
const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
const read = (name: string): string => readFileSync(join(repository, name), 'utf8');

function release(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts/release.mjs'), ...args], {
    cwd: repository,
    encoding: 'utf8',
  });
}

beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'ompq-release-'));
  const manifest = { name: 'x', version: '0.1.0' };
  writeFileSync(join(repository, 'package.json'), JSON.stringify(manifest));
  const lock = { ...manifest, lockfileVersion: 3, packages: { '': manifest } };
  writeFileSync(join(repository, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(
    join(repository, 'CHANGELOG.md'),
    '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n',
  );
  git('init', '--quiet');
  git('config', 'user.name', 'Somebody');
  git('config', 'user.email', 'somebody@example.com');
  git('add', '.');
  git('commit', '--quiet', '--message', 'First');
});
afterEach(() => rmSync(repository, { recursive: true }));

test('a release has its version, its dated changelog section, a commit and a tag', () => {
  expect(release('minor')).toMatchObject({ status: 0 });
  expect(JSON.parse(read('package.json'))).toMatchObject({ version: '0.2.0' });
  expect(JSON.parse(read('package-lock.json'))).toMatchObject({
    version: '0.2.0',
    packages: { '': { version: '0.2.0' } },
  });
  expect(read('CHANGELOG.md')).toMatch(
    /^# Changelog\n\n## \[Unreleased\]\n\n## \[0\.2\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\.\n$/,
  );
  expect(git('describe')).toBe('v0.2.0');
  expect(git('status', '--porcelain')).toBe('');
});

test.each([
  [['sideways'], /patch, minor, major/],
  [['0.0.9'], /not newer than 0\.1\.0/],
  [[], /Say what to release/],
])('%j is refused and changes nothing', (args, sentence) => {
  const { status, stderr } = release(...args);
  expect(status).toBe(1);
  expect(stderr).toMatch(sentence);
  expect(git('status', '--porcelain')).toBe('');
});

test('neither uncommitted work nor an empty changelog is released', () => {
  writeFileSync(join(repository, 'new.txt'), '');
  expect(release('patch').stderr).toMatch(/not committed/);
  rmSync(join(repository, 'new.txt'));
  expect(release('patch').status).toBe(0);
  expect(release('patch').stderr).toMatch(/Nothing is listed under \[Unreleased\]/);
});
