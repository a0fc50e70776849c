/** A process of another program, which ends when the user stops the work. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface HowToRun {
  signal?: AbortSignal;
  /** Written to its standard input. */
  input?: string;
  /** File for everything that it writes, in place of the reply. */
  log?: string;
  onStdout?: (text: string) => void;
  /** How many times it has to be asked to end; GNU parallel lets its jobs finish at the first. */
  stops?: number;
}

/** Runs until it ends by itself or `signal` ends it. @throws Error where the program is not installed */
export function runProgram(
  [program, ...args]: readonly string[],
  { signal, input, log, onStdout, stops = 1 }: HowToRun = {},
): Promise<Ran> {
  const file = log === undefined ? null : openSync(log, 'w');
  return new Promise<Ran>((resolve, reject) => {
    const to = file ?? 'pipe';
    // An interrupt from the terminal is this process's to pass on.
    const child = spawn(program, args, { stdio: ['pipe', to, to], detached: process.platform !== 'win32' });
    const texts = { stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      texts.stdout += chunk.toString();
      onStdout?.(chunk.toString());
    });
    child.stderr?.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    const stop = (): void => {
      for (let i = 0; i < stops; i++) setTimeout(() => child.kill('SIGTERM'), 200 * i);
    };
    signal?.addEventListener('abort', stop, { once: true });
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new Error(`${program} is not installed on this machine; choose another --on.`)
          : error,
      );
    });
    child.on('close', (code) => {
      signal?.removeEventListener('abort', stop);
      resolve({ code: code ?? -1, ...texts });
    });
  }).finally(() => {
    if (file !== null) closeSync(file);
  });
}
