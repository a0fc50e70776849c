/** Files of a folder, in an order that does not depend on the file system or the language. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { cannotRead, DataError } from './errors';

/** What sharp's own build decodes, and bitmaps. */
export const PICTURE_EXTENSIONS = [
  '.png',
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
  '.bmp',
  '.dib',
];

export const isPicture = (name: string) => PICTURE_EXTENSIONS.includes(extname(name).toLowerCase());

export const isArray = (name: string) => /\.np[yz]$/i.test(name);

/** By code unit, as Python's sorted() does for text without rare scripts. */
export const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const MAX_DEPTH = 16;
const MAX_FILES = 2_000_000;

export interface Listing {
  /** Relative to the root, with '/', sorted. */
  files: string[];
  /** Folders directly in the root, sorted. */
  folders: string[];
}

/** All files under `root`, links followed, hidden ones left out. */
export async function listFiles(root: string, signal?: AbortSignal): Promise<Listing> {
  const listing: Listing = { files: [], folders: [] };
  const seen = new Set<string>();

  async function visit(folder: string, prefix: string, depth: number): Promise<void> {
    signal?.throwIfAborted();
    const real = await realpath(folder);
    // A link back to a folder above would be followed for ever.
    if (seen.has(real) || depth > MAX_DEPTH) return;
    seen.add(real);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      // macOS packs a folder of its own into its archives.
      if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
      const path = join(folder, entry.name);
      const kind = entry.isSymbolicLink() ? await stat(path).catch(() => null) : entry;
      if (kind?.isDirectory()) {
        if (depth === 0) listing.folders.push(entry.name);
        await visit(path, `${prefix}${entry.name}/`, depth + 1);
      } else if (kind?.isFile()) {
        listing.files.push(prefix + entry.name);
        if (listing.files.length > MAX_FILES) {
          throw new DataError(
            `${root} holds more than ${MAX_FILES} files; give a folder with the samples only.`,
          );
        }
      }
    }
  }

  try {
    await visit(root, '', 0);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw cannotRead(root, error);
  }
  listing.files.sort(compareText);
  listing.folders.sort(compareText);
  return listing;
}
