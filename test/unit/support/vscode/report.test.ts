import { expect, test } from 'vitest';
import { HostReport } from '../../../support/vscode/report';

function report(): { report: HostReport; lines: string[] } {
  const lines: string[] = [];
  return { report: new HostReport((line) => lines.push(line)), lines };
}

test('counts what passed, failed and was skipped, and prints failures with their error', () => {
  const { report: run, lines } = report();
  run.take({ type: 'start', total: 3 });
  run.take({ type: 'pass', title: 'a', milliseconds: 5 });
  run.take({ type: 'fail', title: 'b', error: 'Error: no\n  at b' });
  run.take({ type: 'skip', title: 'c' });
  run.take({ type: 'end' });
  expect(run.counts).toEqual({ passed: 1, failed: 1, skipped: 1 });
  expect(run.ended).toBe(true);
  expect(lines.join('\n')).toContain('        Error: no');
});

test('a run that stops is a failure in the test that was running', () => {
  const { report: run, lines } = report();
  run.take({ type: 'start', total: 2 });
  run.take({ type: 'test', title: 'slow one' });
  run.abort('The browser ended');
  expect(run.counts.failed).toBe(1);
  expect(lines.at(-1)).toContain('The browser ended (in "slow one")');
});

test('a second start means that the host was restarted', () => {
  const { report: run } = report();
  run.take({ type: 'start', total: 1 });
  expect(run.restarted).toBe(false);
  run.take({ type: 'start', total: 1 });
  expect(run.restarted).toBe(true);
});
