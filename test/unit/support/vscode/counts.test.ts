import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCounts } from '../../../../scripts/test/counts.mjs';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ompq-counts-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function written(report: object): string {
  const path = join(folder, 'report.json');
  writeFileSync(path, JSON.stringify(report));
  return path;
}

test('reads the reports of vitest and of the tests inside VS Code', () => {
  const vitest = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  expect(readCounts(written(vitest), false)).toEqual({ passed: 5, failed: 1, skipped: 3 });
  const host = { passed: 4, failed: 0, skipped: 1 };
  expect(readCounts(written(host), true)).toEqual(host);
});

test('a suite that failed without a failed test, or without a report, counts as one failure', () => {
  const vitest = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  expect(readCounts(written(vitest), false)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  expect(readCounts(join(folder, 'nothing.json'), false).failed).toBe(1);
});

test('a suite that claims success without a report is a failure', () => {
  expect(readCounts(join(folder, 'nothing.json'), true).failed).toBe(1);
});
