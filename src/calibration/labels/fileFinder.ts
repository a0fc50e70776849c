/** Which file of a folder a table speaks of. */
import { basename, extname } from 'node:path';

/** From what a table says to the file as the folder lists it; undefined where there is none, or more than one. */
export type FileFinder = (said: string) => string | undefined;

/**
 * A table may name a file by its path in the folder, by a path from elsewhere (absolute, from Windows, with folders above
 * this one) whose end fits, by its name alone, or without its extension. Of ends that fit the longest counts; one that
 * fits several files tells nothing.
 * @param files relative to the folder, with '/'
 */
export function fileFinder(files: readonly string[]): FileFinder {
  const exact = new Map(files.map((file) => [file.normalize('NFC'), file]));
  const byEnd = endsOf(files, (path) => path);
  const byEndWithoutExtension = endsOf(files, withoutExtension);
  const byLowerEnd = endsOf(files, (path) => path.toLowerCase());
  return (said) => {
    const path = said
      .normalize('NFC')
      .replaceAll('\\', '/')
      .replace(/^file:\/+/i, '/')
      .replace(/\/{2,}/g, '/')
      .replace(/^(\.\/)+/, '');
    if (path === '') return undefined;
    return (
      exact.get(path) ??
      longestEnd(path, byEnd) ??
      longestEnd(path, byEndWithoutExtension) ??
      longestEnd(withoutExtension(path), byEndWithoutExtension) ??
      longestEnd(path.toLowerCase(), byLowerEnd)
    );
  };
}

/** Every end of every path, from whole names; null where several files have it. */
function endsOf(files: readonly string[], change: (path: string) => string): Map<string, string | null> {
  const ends = new Map<string, string | null>();
  for (const file of files) {
    const parts = change(file.normalize('NFC')).split('/');
    parts.forEach((_, i) => {
      const end = parts.slice(i).join('/');
      ends.set(end, ends.has(end) && ends.get(end) !== file ? null : file);
    });
  }
  return ends;
}

function longestEnd(path: string, ends: Map<string, string | null>): string | undefined {
  const parts = path.split('/');
  for (let i = 0; i < parts.length; i++) {
    const found = ends.get(parts.slice(i).join('/'));
    if (found !== undefined) return found ?? undefined;
  }
  return undefined;
}

function withoutExtension(path: string): string {
  const extension = extname(basename(path));
  return extension === '' ? path : path.slice(0, -extension.length);
}
