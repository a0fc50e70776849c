import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { npmVSCode } from './npm-vscode';
import { killOwned, runToEnd, startOwned } from './processes';
import { ServerLog } from './server-log';

/** A running VS Code server of the npm-carried VS Code. */
export interface VSCodeServer {
  /** Address of the server, without a trailing slash. */
  url: string;
  /** Rejects with the server's last words when it dies before it is stopped; never resolves. */
  died: Promise<never>;
  /** Rejects when an extension host has ended, in whatever way; never resolves. */
  hostEnded: Promise<never>;
  /** The settings that every window of this server sees; windows follow a change at once. */
  settingsFile: string;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** Added to the environment of the server and of its extension hosts. */
  env?: Record<string, string>;
  /** Folders of unpacked extensions, which every window finds installed. */
  extensions?: string[];
  /** Files of packed extensions (.vsix), installed the way a user's VS Code installs them. */
  packages?: string[];
  /**
   * Whether windows may load an extension under development and run tests inside its host. VS Code allows that
   * only with its smoke test driver, which in turn keeps notifications from popping up.
   */
  development?: boolean;
  log: (line: string) => void;
}

/** Starts VS Code's server on a free port, with a data folder of its own that `stop` removes. */
export async function startServer(options: ServerOptions): Promise<VSCodeServer> {
  const vscode = await npmVSCode(options.log);
  const data = await mkdtemp(join(tmpdir(), 'ompq-vscode-'));
  const settingsFile = join(data, 'data/Machine/settings.json');
  await mkdir(dirname(settingsFile), { recursive: true });
  await writeFile(settingsFile, '{}');
  const extensionsFolder = join(data, 'extensions');
  await linkExtensions(options.extensions ?? [], extensionsFolder);
  for (const file of options.packages ?? []) {
    const where = ['--server-data-dir', data, '--extensions-dir', extensionsFolder];
    await runToEnd(vscode.node, [vscode.server, '--install-extension', file, ...where], {
      env: cleanEnvironment(),
      timeoutMs: 120_000,
    });
  }
  const child = startOwned(
    vscode.node,
    [vscode.server, ...serverFlags(data, extensionsFolder, options.development ?? false)],
    { env: { ...cleanEnvironment(), ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const { port, died, hostEnded } = watch(child);
  const stop = async (): Promise<void> => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    const exited = child.exitCode !== null || child.signalCode !== null;
    killOwned(child);
    if (!exited) await gone;
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return {
      url: `http://127.0.0.1:${await Promise.race([port, died])}`,
      died,
      hostEnded,
      settingsFile,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Makes unpacked extensions count as installed. VS Code reads the folder's names once, when it meets the folder
 * for the first time.
 */
async function linkExtensions(folders: string[], extensionsFolder: string): Promise<void> {
  await mkdir(extensionsFolder);
  for (const folder of folders) {
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const { publisher, name, version } = JSON.parse(text) as Record<string, string>;
    await symlink(folder, join(extensionsFolder, `${publisher}.${name}-${version}`));
  }
}

function serverFlags(data: string, extensionsFolder: string, development: boolean): string[] {
  return [
    ...['--host', '127.0.0.1', '--port', '0'],
    '--without-connection-token',
    '--accept-server-license-terms',
    ...(development ? ['--enable-smoke-test-driver'] : []),
    '--enable-remote-auto-shutdown',
    '--disable-telemetry',
    '--disable-workspace-trust',
    ...['--server-data-dir', data, '--extensions-dir', extensionsFolder],
  ];
}

/** The tests may be started from a terminal inside VS Code, whose variables would confuse the new one. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VSCODE|ELECTRON)_/.test(name)),
  );
}

const startMs = 120_000;

/** `port` resolves when the server says where it listens; `died` rejects when it ends or never says so. */
function watch(child: ChildProcess): Pick<VSCodeServer, 'died' | 'hostEnded'> & { port: Promise<number> } {
  const log = new ServerLog();
  const port = new Promise<number>((resolve) => {
    log.on(/Extension host agent listening on (\d+)/, ([, found]) => resolve(Number(found)));
  });
  const died = new Promise<never>((_resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`${what}; its log is ${log.path}`));
    const timer = setTimeout(
      () => fail(`The VS Code server did not start within ${startMs / 1000} s`),
      startMs,
    );
    void port.then(() => clearTimeout(timer));
    child.once('error', (error) => fail(`The VS Code server cannot start: ${error.message}`));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`The VS Code server ended with code ${code}, signal ${signal}`);
    });
  });
  const hostEnded = new Promise<never>((_resolve, reject) => {
    log.on(/Extension Host Process exited with code: (\w+), signal: (\w+)/, ([, code, signal]) => {
      reject(
        new Error(`The extension host ended with code ${code}, signal ${signal}; its log is ${log.path}`),
      );
    });
  });
  for (const promise of [died, hostEnded]) promise.catch(() => undefined); // whoever waits sees it; nobody has to
  child.stdout?.on('data', (data: Buffer) => log.add(data.toString()));
  child.stderr?.on('data', (data: Buffer) => log.add(data.toString()));
  return { port, died, hostEnded };
}
