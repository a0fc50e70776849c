/** Which files a client lets us read and write: those under the folders that it grants. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isUnder } from '../common/isUnder';

/** A path that the client has not granted, or none at all. The message is for the agent. */
export class RootError extends Error {}

export class Roots {
  /** Real paths. */
  private folders: string[] = [];

  /** @param uris file: addresses, or paths */
  async grant(uris: readonly string[]): Promise<void> {
    const paths = uris.flatMap((uri) => {
      try {
        return [uri.startsWith('file:') ? fileURLToPath(uri) : resolve(uri)];
      } catch {
        return [];
      }
    });
    const found = await Promise.all(paths.map((path) => realpath(path).catch(() => null)));
    this.folders = found.filter((path) => path !== null);
  }

  /**
   * The absolute path, links followed, of something under a root. Relative ones are relative to the first root.
   * @param mayBeNew the file need not exist, its folder must
   * @throws RootError
   */
  async allowed(path: string, mayBeNew = false): Promise<string> {
    if (this.folders.length === 0) {
      throw new RootError(
        'The client grants no folder (roots); start the server with --root FOLDER, or let the client list roots.',
      );
    }
    if (path === '' || path.includes('\0')) throw new RootError('A path is empty or holds a NUL character.');
    const absolute = isAbsolute(path) ? path : resolve(this.folders[0], path);
    const real = await this.real(absolute, mayBeNew);
    if (real === null)
      throw new RootError(`${path} does not exist under the folders that the client grants.`);
    if (!this.folders.some((folder) => isUnder(folder, real))) {
      throw new RootError(
        `${path} is outside the folders that the client grants (${this.folders.join(', ')}).`,
      );
    }
    return real;
  }

  private async real(path: string, mayBeNew: boolean): Promise<string | null> {
    const found = await realpath(path).catch(() => null);
    if (found !== null || !mayBeNew) return found;
    const folder = await realpath(dirname(path)).catch(() => null);
    return folder === null ? null : join(folder, basename(path));
  }
}
