import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

const running = new Set<ChildProcess>();
let watching = false;

/**
 * Starts a program in a process group of its own, which is killed when this process ends in whatever way it can
 * notice (SIGKILL it cannot: the VS Code server then stops by itself once no window is connected).
 */
export function startOwned(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  watchForExit();
  const child = spawn(command, args, { ...options, detached: process.platform !== 'win32' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Kills a program that `startOwned` started, together with its children. */
export function killOwned(child: ChildProcess): void {
  running.delete(child);
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it had already gone
  }
}

/** Runs a program to its end and returns its output; throws its output when it fails. */
export async function runToEnd(
  command: string,
  args: string[],
  options: SpawnOptions & { timeoutMs: number },
): Promise<string> {
  const child = startOwned(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => killOwned(child), options.timeoutMs);
  let output = '';
  child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
  const started = Date.now();
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code === 0) return output;
    const late =
      Date.now() - started >= options.timeoutMs ? ` (time limit of ${options.timeoutMs / 1000} s)` : '';
    throw new Error(`${command} ${args.join(' ')} failed${late}:\n${output.trim()}`);
  } finally {
    clearTimeout(timer);
  }
}

function watchForExit(): void {
  if (watching) return;
  watching = true;
  process.once('exit', () => [...running].forEach(killOwned));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
