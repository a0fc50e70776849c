import * as vscode from 'vscode';

/** What the extension told its user while `work` ran; no message is really shown, and none is answered. */
export async function messagesDuring(work: () => Promise<unknown>): Promise<string[]> {
  const said: string[] = [];
  const listen = (message: string): Promise<undefined> => {
    said.push(message);
    return Promise.resolve(undefined);
  };
  const window = vscode.window as unknown as Record<string, unknown>;
  const names = ['showErrorMessage', 'showWarningMessage', 'showInformationMessage'];
  const originals = names.map((name) => window[name]);
  for (const name of names) window[name] = listen;
  try {
    await work();
  } finally {
    names.forEach((name, i) => (window[name] = originals[i]));
  }
  return said;
}
