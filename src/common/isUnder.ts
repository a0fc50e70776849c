import { isAbsolute, relative } from 'node:path';

/** Whether an absolute path is a folder or lies somewhere in it; links are not followed. */
export function isUnder(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (!isAbsolute(way) && way.split(/[\\/]/)[0] !== '..');
}
