/**
 * Temporary files and folders next to what they are to become. Their names say whose they are, so that whoever works in
 * that folder next can remove what a killed process left.
 */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Process ids mean nothing on another machine (or in another container) that shares the folder. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 6);
const NAME = /^\.ompq-([0-9a-f]{6})-(\d+)-[0-9a-f]{12}\.tmp$/;
/** Nothing takes this long to write. */
const ABANDONED_MS = 24 * 3_600_000;

const unfinished = new Set<string>();
let watcher: (paths: string[]) => void = () => undefined;

/** Tells `onChange` all unfinished paths of this process, whenever they change. */
export function watchTemporary(onChange: (paths: string[]) => void): void {
  watcher = onChange;
}

/** A free path in `folder` for a temporary file or folder. It is removed when this process exits, until finish(). */
export function createTemporary(folder: string): string {
  const path = join(folder, `.ompq-${MACHINE}-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
  if (unfinished.size === 0) process.on('exit', removeTemporary);
  unfinished.add(path);
  watcher([...unfinished]);
  return path;
}

/** `path` is gone: renamed or removed. */
export function releaseTemporary(path: string): void {
  unfinished.delete(path);
  if (unfinished.size === 0) process.off('exit', removeTemporary);
  watcher([...unfinished]);
}

function removeTemporary(): void {
  removeAll([...unfinished]);
}

/** For a process that is about to end. Never throws. */
export function removeAll(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // The next one to work in that folder will try again.
    }
  }
}

/** Removes what processes that have died left in `folder`. Never throws. */
export async function removeStale(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const match = NAME.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    const [, machine, pid] = match;
    if ((machine === MACHINE && !isAlive(Number(pid))) || (await isAbandoned(path))) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** Is there a process of this number on this machine? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const info = await lstat(path).catch(() => null);
  return info !== null && Date.now() - info.mtimeMs > ABANDONED_MS;
}
