/** The extension host, which starts the engine, does not outlive the job; and two windows want the same. */
import { readdirSync, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../../src/config/config';
import { engineProcesses, type EngineProcess } from '../support/vscode/engines';
import { root } from '../support/vscode/paths';
import { exampleWorkspace, makeWorkspace } from '../support/vscode/workspace';
import type { CodeWindow } from './driver';
import { openWindow } from './fixture';
import { config, model, startQuantizing } from './quantize-steps';

/** A long search; with a number of samples of its own, so that no cache knows the answer. */
const long = (samples: number) => ({ 'ompq.samples': samples, 'ompq.contest.searchSeconds': 120 });
const SHORT = { 'ompq.samples': 16, 'ompq.objective': 'orthogonality' };

/** Engines of this server's extension hosts. */
function engines(): EngineProcess[] {
  const data = dirname(dirname(dirname(inject('session').settingsFile)));
  return engineProcesses()!.filter(({ script }) => script.startsWith(data));
}

const workspaceFiles = (workspace: string) => readdirSync(workspace).sort();

const hosts = () => new Set(engines().map(({ host }) => host));

/**
 * Starts a long job and returns the engines of its extension host.
 * @param others extension hosts of windows before
 */
async function startLongJob(window: CodeWindow, others: ReadonlySet<number>): Promise<EngineProcess[]> {
  await startQuantizing(window, 4);
  await window.notifications.waitFor('Comparing allocations');
  const mine = engines().filter(({ host }) => !others.has(host));
  expect(new Set(mine.map(({ host }) => host)).size).toBe(1);
  return mine;
}

async function untilGone(gone: readonly EngineProcess[]): Promise<void> {
  const pids = new Set(gone.map(({ pid }) => pid));
  await vi.waitFor(() => expect(engines().filter(({ pid }) => pids.has(pid))).toEqual([]), {
    timeout: 300_000,
    interval: 200,
  });
}

/** What a user does next: the same again, and it works. */
async function quantizeAgain(window: CodeWindow): Promise<void> {
  await window.setSettings({ ...SHORT, 'ompq.contest.searchSeconds': 0 });
  await startQuantizing(window, 4);
  await vi.waitFor(() => expect(readdirSync(window.workspace)).toContain(config), { timeout: 300_000 });
  parseConfig(readFileSync(join(window.workspace, config), 'utf8'), config);
}

const longWorkspace = () =>
  makeWorkspace({
    [model]: { copyOf: join(root, 'examples', model) },
    calibration: { copyOf: join(root, 'examples/test') },
  });

const signal = (name: NodeJS.Signals) => (_: CodeWindow, running: EngineProcess[]) =>
  Promise.resolve(void process.kill(running[0].host, name));

// A VS Code in a browser has no "Restart Extension Host"; the signal is what that command comes to. VS Code then starts
// another one.
test.each([
  ['restarted', 500, signal('SIGTERM')],
  ['reloaded with its window', 490, (window: CodeWindow) => window.reload()],
  ['killed', 480, signal('SIGKILL')],
])(
  'an extension host %s in mid-run leaves no engine and no file, and the job can be done again',
  async (_, samples, end) => {
    const others = hosts();
    const window = await openWindow({ workspace: await longWorkspace(), settings: long(samples) });
    const before = workspaceFiles(window.workspace);
    const running = await startLongJob(window, others);
    await end(window, running);
    await untilGone(running);
    expect(workspaceFiles(window.workspace)).toEqual(before);
    await quantizeAgain(window);
  },
);

test('an extension host killed while a model is written leaves no engine and no file', async () => {
  const window = await openWindow({ workspace: await exampleWorkspace(16), settings: SHORT });
  await startQuantizing(window, 4);
  await window.editor.waitForActive(config);
  const before = workspaceFiles(window.workspace);
  let killed: EngineProcess[] = [];
  const watcher = watch(window.workspace, (_, name) => {
    if (killed.length > 0 || !name?.startsWith('.ompq-')) return;
    const writer = Number(name.split('-')[2]);
    const { host } = engines().find(({ pid }) => pid === writer)!;
    killed = engines().filter((engine) => engine.host === host);
    process.kill(host, 'SIGKILL');
  });
  onTestFinished(() => watcher.close());
  await window.explorer.choose(config, 'Export Quantized Model');
  await window.quickInput.choose('rounding method', 'Nearest');
  await window.quickInput.choose('activations', 'Weights only');
  await window.quickInput.waitFor('Export quantized model');
  await window.page.keyboard.press('Enter');
  await vi.waitFor(() => expect(killed).not.toEqual([]), { timeout: 300_000, interval: 200 });
  await untilGone(killed);
  expect(workspaceFiles(window.workspace)).toEqual(before);
});

test('two windows quantize the same model: both say so, the config is whole', async () => {
  const workspace = await exampleWorkspace(16);
  const windows = [
    await openWindow({ workspace, settings: SHORT }),
    await openWindow({ workspace, settings: SHORT }),
  ];
  const summaries = windows.map((window) => window.notifications.waitFor('bits on average'));
  await Promise.all(windows.map((window) => startQuantizing(window, 4)));
  for (const summary of await Promise.all(summaries)) expect(summary).toContain(model);
  const written = parseConfig(readFileSync(join(workspace, config), 'utf8'), config);
  expect(written.totals.bytes).toBeLessThanOrEqual(written.totals.budgetBytes);
  expect(workspaceFiles(workspace)).toEqual(['calibration', config, model].sort());
});
