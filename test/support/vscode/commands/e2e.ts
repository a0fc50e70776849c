import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildExtension } from '../build';
import { npmVSCodeRuns } from '../npm-vscode';
import { root } from '../paths';

/** Runs the vitest project "e2e" and returns its exit code. */
export async function runE2e(args: string[]): Promise<number> {
  if (!npmVSCodeRuns) {
    console.log('Skipped: the browser tests need Linux x64, where npm carries VS Code.');
    return 0;
  }
  await buildExtension();
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--project', 'e2e', ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
