import * as vscode from 'vscode';
import type { RequestOptions } from '../engine/client';
import { unlinked } from '../common/printable';

/** A cancellable notification with a real fraction; cancelling aborts the signal that the work was given. */
export async function withProgress<T>(
  title: string,
  work: (options: RequestOptions) => Promise<T>,
): Promise<T> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: unlinked(title), cancellable: true },
    async (progress, token) => {
      const abort = new AbortController();
      const subscription = token.onCancellationRequested(() => abort.abort());
      let reached = 0;
      try {
        return await work({
          signal: abort.signal,
          onProgress: ({ stage, fraction }) => {
            const percent = Math.max(reached, fraction * 100);
            const message = unlinked(`${stage} (${Math.round(percent)} %)`);
            progress.report({ message, increment: percent - reached });
            reached = percent;
          },
        });
      } finally {
        subscription.dispose();
      }
    },
  );
}
