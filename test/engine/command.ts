/** The command line as a user runs it: a process of its own. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

export const CLI = resolve('dist/cli.js');

export interface Ended {
  code: number;
  stdout: string;
  /** The same, as it came. */
  bytes: Buffer;
  stderr: string;
}

export interface HowToRun {
  cwd?: string;
  /** Where scores are kept between runs. */
  cache?: string;
  /** Shell commands before it, in the same process. */
  prefix?: string;
  /** On top of this process's own. */
  env?: NodeJS.ProcessEnv;
}

export function runCommand(args: string[], { cwd, cache, prefix, env: more }: HowToRun = {}): Promise<Ended> {
  const [file, all] = prefix
    ? ['bash', ['-c', `${prefix}; exec "$0" "$@"`, process.execPath, CLI, ...args]]
    : [process.execPath, [CLI, ...args]];
  const env = { ...process.env, ...more, ...(cache === undefined ? {} : { OMPQ_CACHE_DIR: cache }) };
  return new Promise((done) => {
    const options = { cwd, env, maxBuffer: 1 << 26, encoding: 'buffer' } as const;
    execFile(file, all, options, (error, bytes, stderr) => {
      const code = error ? Number(error.code ?? -1) : 0;
      done({ code, stdout: bytes.toString(), bytes, stderr: stderr.toString() });
    });
  });
}
