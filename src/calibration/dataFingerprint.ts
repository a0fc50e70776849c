/** What calibration data is made of, as a hash. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pMap from 'p-map';
import { listFiles } from './inputs/walk';

/** Data up to this size is hashed by its content, so that a copy of it has the same hash. */
const CONTENT_BYTES = 64e6;
/** Files looked at together. */
const CONCURRENCY = 16;

/**
 * SHA-256, hex, of the names and contents of all files of the data. Beyond 64 MB, sizes and times stand for contents, as
 * in git's index: the change time, too, which no tool can set back.
 * @param path file or folder; null: 'synthetic'
 * @param most files that are worth being looked at
 * @returns null where the data cannot be read (opening it will say why), or has more files
 */
export async function dataFingerprint(
  path: string | null,
  signal?: AbortSignal,
  most = Infinity,
): Promise<string | null> {
  if (path === null) return 'synthetic';
  try {
    const files = await filesOf(path, signal);
    if (files.length > most) return null;
    const infos = await pMap(files, ({ path: file }) => stat(file, { bigint: true }), {
      concurrency: CONCURRENCY,
    });
    const byContent = infos.reduce((sum, { size }) => sum + Number(size), 0) <= CONTENT_BYTES;
    const hash = createHash('sha256');
    for (const [i, { name, path: file }] of files.entries()) {
      const { size, mtimeNs, ctimeNs, ino } = infos[i];
      signal?.throwIfAborted();
      hash.update(JSON.stringify([name, String(size)]));
      if (byContent) await addContent(hash, file);
      else hash.update(JSON.stringify([mtimeNs, ctimeNs, ino].map(String)));
    }
    return hash.digest('hex');
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

interface DataFile {
  /** Independent of where the data lies. */
  name: string;
  path: string;
}

async function filesOf(path: string, signal?: AbortSignal): Promise<DataFile[]> {
  if (!(await stat(path)).isDirectory()) return [{ name: basename(path), path }];
  const { files } = await listFiles(path, signal);
  return files.map((name) => ({ name, path: join(path, name) }));
}

async function addContent(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
}
