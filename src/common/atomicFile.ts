import { open, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createTemporary, releaseTemporary, removeStale } from './temporaryFiles';

/**
 * Writes a temporary file next to `path` and renames it: a failure leaves the old file as it was and nothing else.
 * Ours, because write-file-atomic and atomically take a short write (a disk that fills up, more than 2 GB) for a whole one.
 */
export async function writeAtomically(path: string, data: string | Uint8Array): Promise<void> {
  const target = await realpath(path).catch(() => path);
  await removeStale(dirname(target));
  const temporary = createTemporary(dirname(target));
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    releaseTemporary(temporary);
  }
}
