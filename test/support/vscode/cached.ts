import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './paths';

const stamp = '.complete';

/**
 * The folder `name` of the cache, filled by `fill` unless an earlier run completed it. `fill` works in a folder
 * of its own that is renamed into place at the end, so half an install is never used and two runs may race.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name);
  if (existsSync(join(folder, stamp))) return folder;
  await mkdir(cacheFolder, { recursive: true });
  await removeAbandoned(name);
  const staging = join(cacheFolder, `${name}.staging-${process.pid}`);
  await mkdir(staging);
  try {
    await fill(staging);
    await writeFile(join(staging, stamp), '');
    await moveIntoPlace(staging, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return folder;
}

async function moveIntoPlace(staging: string, folder: string): Promise<void> {
  if (existsSync(join(folder, stamp))) return; // another run was faster
  await rm(folder, { recursive: true, force: true });
  await rename(staging, folder);
}

/** Removes what runs that were killed left behind. */
async function removeAbandoned(name: string): Promise<void> {
  for (const entry of await readdir(cacheFolder)) {
    const pid = entry.startsWith(`${name}.staging-`) ? Number(entry.slice(entry.lastIndexOf('-') + 1)) : NaN;
    if (!Number.isNaN(pid) && !isAlive(pid)) {
      await rm(join(cacheFolder, entry), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid; // our own number, reused from a run that died
  } catch {
    return false;
  }
}
