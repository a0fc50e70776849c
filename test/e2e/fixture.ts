import { inject, onTestFinished } from 'vitest';
import { removeWorkspace } from '../support/vscode/workspace';
import { CodeWindow, type OpenOptions } from './driver';

/** Opens a window for the running test; it is pictured when the test fails, and closed in any case. */
export async function openWindow(options: OpenOptions): Promise<CodeWindow> {
  const window = await CodeWindow.open(inject('session'), options);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const path = await window.screenshot(`failed-${task.name.replace(/\W+/g, '-')}`);
      console.log(`The window as the failed test left it: ${path}`);
    }
    await window.close();
    await removeWorkspace(window.workspace);
  });
  return window;
}
