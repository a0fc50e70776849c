import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { fileReporter, writeEvent } from './reporter';

/** Entry point that VS Code calls inside the extension host; the launcher reads the report file. */
export async function run(): Promise<void> {
  const report = process.env.OMPQ_TEST_REPORT;
  if (!report) throw new Error('OMPQ_TEST_REPORT must name the file that takes the results.');
  try {
    await runMocha(report);
  } catch (error) {
    writeEvent(report, { type: 'fail', title: 'loading the tests', error: String((error as Error).stack) });
    writeEvent(report, { type: 'end' });
  }
}

async function runMocha(report: string): Promise<void> {
  const mocha = new Mocha({
    ui: 'bdd',
    // Only a hang meets it.
    timeout: 600_000,
    reporter: fileReporter(report),
    grep: process.env.OMPQ_TEST_GREP,
  });
  const files = readdirSync(__dirname).filter((name) => name.endsWith('.test.js'));
  for (const file of files.sort()) mocha.addFile(join(__dirname, file));
  await new Promise<void>((resolve) => mocha.run(() => resolve()));
}
