import { appendFileSync } from 'node:fs';
import type Mocha from 'mocha';
import type { HostEvent } from '../support/vscode/report';

/** A mocha reporter that appends one line of JSON per event, so that a dying host still tells how far it got. */
export function fileReporter(path: string): Mocha.ReporterConstructor {
  const write = (event: HostEvent): void => writeEvent(path, event);
  return class FileReporter {
    constructor(runner: Mocha.Runner) {
      runner.once('start', () => write({ type: 'start', total: runner.total }));
      runner.on('test', (test) => write({ type: 'test', title: test.fullTitle() }));
      runner.on('pass', (test) => {
        write({ type: 'pass', title: test.fullTitle(), milliseconds: test.duration ?? 0 });
      });
      runner.on('pending', (test) => write({ type: 'skip', title: test.fullTitle() }));
      runner.on('fail', (test, error: Error) => {
        write({ type: 'fail', title: test.fullTitle(), error: error.stack ?? String(error) });
      });
      runner.once('end', () => write({ type: 'end' }));
    }
  } as unknown as Mocha.ReporterConstructor;
}

export function writeEvent(path: string, event: HostEvent): void {
  appendFileSync(path, `${JSON.stringify(event)}\n`);
}
