/** What the features share: one log, one engine, one memory of inspected models. */
import * as vscode from 'vscode';
import { Cache } from '../cache/cache';
import { CancelledError, Engine } from '../engine/client';
import { unlinked } from '../common/printable';
import { COMMAND } from './ids';
import { DeviceStatus } from './deviceStatus';
import { OrmCache } from './bitMap/ormCache';
import { RunHistory } from './history';
import { Jobs } from './jobs';
import { Models } from './models';
import { Reports } from './reports';

export interface Services {
  context: vscode.ExtensionContext;
  log: vscode.LogOutputChannel;
  /** For long jobs; it loads onnxruntime. */
  engine: Engine;
  models: Models;
  /** Scores and more, in the extension's own storage. */
  cache: Cache;
  orms: OrmCache;
  history: RunHistory;
  reports: Reports;
  /** What takes its time runs here. */
  jobs: Jobs;
  device: DeviceStatus;
}

export function createServices(context: vscode.ExtensionContext): Services {
  const log = vscode.window.createOutputChannel('OMPQ', { log: true });
  const start = (): Engine =>
    new Engine({ script: context.asAbsolutePath('dist/engine.js'), log: (level, line) => log[level](line) });
  const engine = start();
  // Reading files must not wait behind a long job: it has a process of its own, which never loads onnxruntime.
  const reader = start();
  const device = new DeviceStatus();
  context.subscriptions.push(log, engine, reader, device);
  const cache = new Cache(vscode.Uri.joinPath(context.globalStorageUri, 'cache').fsPath, {
    log: (line) => log.warn(line),
  });
  const history = new RunHistory(context.workspaceState);
  const storage = context.storageUri ?? context.globalStorageUri;
  const reports = new Reports(vscode.Uri.joinPath(storage, 'reports'));
  const jobs = new Jobs(device);
  context.subscriptions.push(history, reports, jobs);
  const orms = new OrmCache(cache);
  const models = new Models(reader);
  return { context, log, engine, models, cache, orms, history, reports, jobs, device };
}

/** Runs a command; what goes wrong becomes one sentence for the user and a stack in the log. */
export async function reported<T>(
  log: vscode.LogOutputChannel,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isCancelled(error)) {
      log.info('Cancelled.');
      return undefined;
    }
    const message = error instanceof Error ? error.message : String(error);
    log.error(error instanceof Error && error.stack ? error.stack : message);
    void showError(message);
    return undefined;
  }
}

async function showError(message: string): Promise<void> {
  const show = vscode.l10n.t('Show Log');
  const choice = await vscode.window.showErrorMessage(unlinked(`OMPQ: ${message}`), show);
  if (choice === show) await vscode.commands.executeCommand(COMMAND.showLog);
}

export function isCancelled(error: unknown): boolean {
  return (
    error instanceof CancelledError ||
    error instanceof vscode.CancellationError ||
    (error instanceof Error && error.name === 'AbortError')
  );
}
