/** What a window is opened on; all paths are absolute. */
export interface WindowTarget {
  /** Folder shown in the Explorer. */
  workspace: string;
  /** Folder of an extension under development. */
  extension?: string;
  /** Module whose exported run() is executed inside the extension host, which ends when it resolves. */
  tests?: string;
}

/** The page address of a window of a VS Code server; the authority of its paths is the word "remote". */
export function windowAddress(serverUrl: string, target: WindowTarget): string {
  const payload: [string, string][] = [['skipWelcome', 'true']];
  if (target.extension) payload.push(['extensionDevelopmentPath', remotePath(target.extension)]);
  if (target.tests) payload.push(['extensionTestsPath', remotePath(target.tests)]);
  const query = new URLSearchParams({ folder: target.workspace, payload: JSON.stringify(payload) });
  return `${serverUrl}/?${query.toString()}`;
}

function remotePath(path: string): string {
  return `vscode-remote://remote${path}`;
}
