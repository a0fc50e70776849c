import type { TestProject } from 'vitest/node';
import { root } from '../support/vscode/paths';
import { startSession, type SessionInfo } from '../support/vscode/session';

declare module 'vitest' {
  export interface ProvidedContext {
    session: SessionInfo;
  }
}

/** One VS Code server, with this project installed as an extension, and one browser for all browser tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const session = await startSession({ extensions: [root], log: console.log });
  project.provide('session', session.info);
  return () => session.stop();
}
