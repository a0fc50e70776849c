import * as vscode from 'vscode';

/** What a progress notification showed, as it was reported. */
export interface Reported {
  title: string;
  message: string;
  /** Sum of the increments so far, in percent. */
  percent: number;
}

type Task = Parameters<typeof vscode.window.withProgress>[1];

/**
 * Runs `work`, calling `react` on every progress report with a function that presses the notification's Cancel.
 * Returns all reports.
 */
export async function progressDuring(
  work: () => Promise<unknown>,
  react: (reported: Reported, cancel: () => void) => void = () => undefined,
): Promise<Reported[]> {
  const all: Reported[] = [];
  const window = vscode.window as { withProgress: unknown };
  const original = window.withProgress as typeof vscode.window.withProgress;
  window.withProgress = (options: vscode.ProgressOptions, task: Task) =>
    original.call(vscode.window, options, (progress) => {
      const source = new vscode.CancellationTokenSource();
      let percent = 0;
      const report: typeof progress.report = (value) => {
        percent += value.increment ?? 0;
        const reported = { title: options.title ?? '', message: value.message ?? '', percent };
        all.push(reported);
        react(reported, () => source.cancel());
        progress.report(value);
      };
      return task({ report }, source.token);
    });
  try {
    await work();
  } finally {
    window.withProgress = original;
  }
  return all;
}
