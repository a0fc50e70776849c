import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { npmVSCodeRuns } from '../support/vscode/npm-vscode';
import { root } from '../support/vscode/paths';
import { runToEnd } from '../support/vscode/processes';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The packed CLI. */
    tarball: string;
    /** The packed extension; null where no VS Code of npm's runs that could install it. */
    vsix: string | null;
  }
}

/** Packs what these tests install, as `npm run package` does. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const out = await mkdtemp(join(tmpdir(), 'ompq-packages-'));
  const targets = npmVSCodeRuns ? ['linux-x64', 'npm'] : ['npm'];
  await runToEnd(process.execPath, [join(root, 'scripts/package.mjs'), ...targets, '--out', out], {
    cwd: root,
    timeoutMs: 300_000,
  });
  const packed = await readdir(out);
  const find = (ending: string): string | undefined => packed.find((name) => name.endsWith(ending));
  project.provide('tarball', join(out, find('.tgz')!));
  project.provide('vsix', npmVSCodeRuns ? join(out, find('.vsix')!) : null);
  return () => rm(out, { recursive: true });
}
