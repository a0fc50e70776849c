import { runTests } from '@vscode/test-electron';
import { join } from 'node:path';
import { engines } from '../../../package.json';
import type { WindowTarget } from './address';
import { cacheFolder } from './paths';
import { npmVSCodeRuns } from './npm-vscode';

/** Whether to use a desktop VS Code: when one is named or asked for, and where the npm-carried one cannot run. */
export function useDesktop(): boolean {
  return Boolean(process.env.VSCODE_PATH) || process.env.OMPQ_DESKTOP === '1' || !npmVSCodeRuns;
}

/**
 * Runs the tests in a desktop VS Code: the one VSCODE_PATH names, else a downloaded one (its version in
 * VSCODE_VERSION, "stable" by default, "oldest" for the oldest one that package.json admits). Resolves with the reason why the window ended.
 */
export async function runDesktop(
  target: Required<WindowTarget>,
  env: Record<string, string>,
  stop: AbortSignal,
): Promise<string> {
  const ended = runTests({
    ...(process.env.VSCODE_PATH
      ? { vscodeExecutablePath: process.env.VSCODE_PATH }
      : { version: desktopVersion(), cachePath: cacheFolder }),
    extensionDevelopmentPath: target.extension,
    extensionTestsPath: target.tests,
    extensionTestsEnv: env,
    launchArgs: [
      target.workspace,
      '--disable-workspace-trust',
      '--disable-extensions',
      '--skip-welcome',
      ...['--user-data-dir', join(target.workspace, '..', 'user-data')],
    ],
  }).then((code) => `VS Code ended with code ${code} before the tests did`);
  const stopped = new Promise<string>((resolve) => {
    stop.addEventListener('abort', () => resolve('Stopped'), { once: true });
  });
  return Promise.race([ended, stopped]);
}

function desktopVersion(): string {
  const asked = process.env.VSCODE_VERSION ?? 'stable';
  return asked === 'oldest' ? engines.vscode.replace(/^\D+/, '') : asked;
}
