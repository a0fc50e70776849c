// All checks and tests, in order, whatever fails on the way; ends in one line with the sum of all tests.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readCounts } from './test/counts.mjs';
import { runStep } from './test/step.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = `${root}/out/results`;
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

const check = (title, script) => ({ title, args: ['run', '--silent', script] });
const vitest = (title, script, ...more) => {
  const report = `${results}/${script.replace(':', '-')}.json`;
  const reporters = [
    '--reporter=default',
    '--reporter=./scripts/test/retried.mjs',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  return { title, args: ['run', '--silent', script, '--', ...more, ...reporters], report };
};

const steps = [
  check('Types', 'types'),
  check('Lint', 'lint'),
  check('Format', 'check:format'),
  check('Directions of import', 'check:imports'),
  check('Workflows', 'check:workflows'),
  check('Build', 'build'),
  vitest('Unit tests', 'test:unit'),
  vitest('Engine tests', 'test:engine'),
  vitest('Hostile models', 'test:fuzz'),
  vitest("ONNX's own suite, a tenth", 'test:onnx', '--tenth'),
  vitest('Webview tests', 'test:webview'),
  {
    title: 'Tests inside VS Code',
    args: ['run', '--silent', 'test:host', '--', '--json', `${results}/host.json`],
    report: `${results}/host.json`,
  },
];
steps.push(vitest('Packages, installed', 'test:packages'));
// npm carries a VS Code to click in for this platform alone
if (process.platform === 'linux' && process.arch === 'x64') {
  steps.push(vitest('Tests that click in VS Code', 'test:e2e'));
}

const sum = { passed: 0, failed: 0, skipped: 0 };
const summary = [];
for (const step of steps) {
  const { ok, seconds } = await runStep(step, root);
  const counts = step.report ? readCounts(step.report, ok) : { passed: 0, failed: ok ? 0 : 1, skipped: 0 };
  for (const kind of Object.keys(sum)) sum[kind] += counts[kind];
  const tests = step.report ? `  ${sentence(counts)}` : '';
  summary.push(
    `${ok ? 'ok  ' : 'FAIL'}  ${step.title.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s${tests}`,
  );
}

console.log(`\n${summary.join('\n')}\n\n${sentence(sum)}`);
process.exitCode = sum.failed > 0 ? 1 : 0;

/** A check that fails and a suite that dies count as one failed test, so that "0 failed" means success. */
function sentence({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
