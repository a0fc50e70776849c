import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { windowAddress, type WindowTarget } from './address';
import { runDesktop } from './desktop';
import { LineFollower } from './follow';
import { HostReport, type Counts, type HostEvent } from './report';
import { startSession } from './session';
import { windowSettings } from './settings';

/** Longest silence of the host, which must exceed every single test's time limit. */
const silenceMs = 900_000;

export interface HostRun {
  target: Required<WindowTarget>;
  desktop: boolean;
  /** Runs only the tests whose full title matches. */
  grep?: string;
  log: (line: string) => void;
}

/** Runs the bundled tests inside the extension host of a real VS Code and returns their counts. */
export async function runHostTests(run: HostRun): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'ompq-host-'));
  const file = join(folder, 'report.jsonl');
  const report = new HostReport(run.log);
  const env = { OMPQ_TEST_REPORT: file, ...(run.grep && { OMPQ_TEST_GREP: run.grep }) };
  const stop = new AbortController();
  const running = run.desktop ? runDesktop(run.target, env, stop.signal) : runWeb(run, env, stop.signal);
  try {
    await follow(report, file, running);
  } finally {
    stop.abort();
    await running.catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
  return report.counts;
}

/** Feeds the report until the tests end, the window ends, the host restarts, or nothing is heard for too long. */
async function follow(report: HostReport, file: string, running: Promise<string>): Promise<void> {
  const lines = new LineFollower(file);
  let over: string | undefined;
  running.then(
    (how) => (over = how),
    (error: Error) => (over = error.message),
  );
  let heard = Date.now();
  while (!report.ended) {
    const windowOver = over; // looked at before reading, so that the last lines are not missed
    for (const line of lines.read()) {
      report.take(JSON.parse(line) as HostEvent);
      heard = Date.now();
    }
    if (report.ended) return;
    if (report.restarted) return report.abort('The extension host crashed and was restarted');
    if (windowOver !== undefined) return report.abort(windowOver);
    if (Date.now() - heard > silenceMs) {
      return report.abort(`Nothing was heard from the extension host for ${silenceMs / 1000} s`);
    }
    await sleep(100);
  }
}

/** Opens the npm-carried VS Code in a headless browser; resolves or rejects with the reason why the window ended. */
async function runWeb(run: HostRun, env: Record<string, string>, stop: AbortSignal): Promise<string> {
  const session = await startSession({ env, development: true, log: run.log });
  try {
    await writeFile(session.info.settingsFile, JSON.stringify(windowSettings('dark')));
    const browser = await chromium.connect(session.info.browserEndpoint);
    // Older versions ask the browser for the clipboard.
    const page = await browser.newPage({ permissions: ['clipboard-read', 'clipboard-write'] });
    const crashed = new Promise<string>((resolve) => {
      page.once('crash', () => resolve('The browser page crashed'));
      browser.once('disconnected', () => resolve('The browser ended'));
    });
    const stopped = new Promise<string>((resolve) => {
      stop.addEventListener('abort', () => resolve('Stopped'), { once: true });
    });
    await page.goto(windowAddress(session.info.serverUrl, run.target), { timeout: 120_000 });
    return await Promise.race([crashed, stopped, session.died, session.hostEnded]);
  } finally {
    await session.stop();
  }
}
