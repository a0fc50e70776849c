import { existsSync, readFileSync } from 'node:fs';

/**
 * Test counts out of a report of vitest (its JSON reporter) or of the tests inside VS Code. A suite that could
 * not be loaded, crashed or left no report counts as one failed test.
 * @param {string} path
 * @param {boolean} ok whether the suite ended with exit code 0
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function readCounts(path, ok) {
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 };
  const counts = parse(JSON.parse(readFileSync(path, 'utf8')));
  return !ok && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function parse(report) {
  if ('passed' in report) return report;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
