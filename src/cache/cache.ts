/** Results kept on disk between runs: namespace and key to bytes. Whatever is wrong with it costs time, never a result. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../common/atomicFile';

export interface CacheOptions {
  /** Entries that were not used for longest go first. Default 500 MB. */
  maxBytes?: number;
  /** Told what was repaired or could not be kept, in one sentence. */
  log?: (line: string) => void;
}

const MAX_BYTES = 500e6;
const SUFFIX = '.entry';
const MAGIC = Buffer.from('OMPQ\x01\r\n\0', 'latin1');
const HEADER = MAGIC.length + 32;

/**
 * Safe under several processes: an entry is written elsewhere and renamed, and read only where its checksum (over
 * namespace, key and bytes) holds. A damaged entry is removed and counts as absent.
 */
export class Cache {
  private readonly maxBytes: number;
  private readonly log: (line: string) => void;

  /** @param folder is made when it is first needed */
  constructor(
    readonly folder: string,
    options: CacheOptions = {},
  ) {
    this.maxBytes = options.maxBytes ?? MAX_BYTES;
    this.log = options.log ?? (() => undefined);
  }

  /** null where there is no such entry, or none that can be trusted. Never throws. */
  async get(namespace: string, key: string): Promise<Buffer | null> {
    const path = this.path(namespace, key);
    try {
      const file = await readFile(path);
      const bytes = file.subarray(HEADER);
      if (!file.subarray(0, HEADER).equals(header(namespace, key, bytes))) {
        await rm(path, { force: true });
        this.log(`A damaged entry of the cache was removed: ${path}.`);
        return null;
      }
      const now = new Date();
      await utimes(path, now, now).catch(() => undefined);
      return bytes;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.complain('read', error);
      return null;
    }
  }

  /** Never throws: what cannot be kept is computed again. */
  async put(namespace: string, key: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.maxBytes / 2) return;
    try {
      await mkdir(join(this.folder, namespace), { recursive: true, mode: 0o700 });
      await writeAtomically(this.path(namespace, key), Buffer.concat([header(namespace, key, bytes), bytes]));
      await this.trim();
    } catch (error) {
      this.complain('written', error);
    }
  }

  private path(namespace: string, key: string): string {
    const name = createHash('sha256').update(key).digest('hex').slice(0, 40);
    return join(this.folder, namespace, name + SUFFIX);
  }

  /** Drops what was not used for longest. Others may be doing the same. */
  private async trim(): Promise<void> {
    const entries = await this.entries();
    entries.sort((a, b) => b.used - a.used);
    let sum = 0;
    for (const { path, bytes } of entries) {
      sum += bytes;
      if (sum > this.maxBytes) await rm(path, { force: true });
    }
  }

  private async entries(): Promise<{ path: string; bytes: number; used: number }[]> {
    const found: { path: string; bytes: number; used: number }[] = [];
    for (const namespace of await readdir(this.folder)) {
      for (const name of await readdir(join(this.folder, namespace)).catch(() => [])) {
        if (!name.endsWith(SUFFIX)) continue;
        const path = join(this.folder, namespace, name);
        // Another process may have removed it meanwhile.
        const info = await stat(path).catch(() => null);
        if (info?.isFile()) found.push({ path, bytes: info.size, used: info.mtimeMs });
      }
    }
    return found;
  }

  private complain(done: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.log(`The cache in ${this.folder} cannot be ${done}: ${why}.`);
  }
}

function header(namespace: string, key: string, bytes: Uint8Array): Buffer {
  const checksum = createHash('sha256').update(`${namespace}\0${key}\0`).update(bytes).digest();
  return Buffer.concat([MAGIC, checksum]);
}
