/** Arrays in .npz files (zip), read without inflating more than is needed. */
import type { Readable } from 'node:stream';
import type { Entry, ZipFile } from 'yauzl';
import { FileBytes, StreamBytes, type ByteSource } from './byteSource';
import { cannotRead, DataError, firstLine } from '../inputs/errors';

export interface NpzEntry {
  /** Name of the array. */
  name: string;
  bytes: ByteSource;
}

/** A .npz has an entry per array; more than this is not one. */
const MAX_ENTRIES = 10_000;

/**
 * The arrays of a .npz by name. Only the directory of the zip is read.
 * @param label the file's name, for errors.
 * @throws DataError for anything that is not a valid zip of arrays no larger than maxBytes where compressed.
 */
export async function listNpz(path: string, label: string, maxBytes: number): Promise<NpzEntry[]> {
  const zip = await openZip(path, label);
  const found = new Map<string, NpzEntry>();
  try {
    if (zip.entryCount > MAX_ENTRIES) {
      throw new DataError(
        `${label} has ${zip.entryCount} entries, which is no .npz of arrays; write it with numpy.savez.`,
      );
    }
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith('.npy')) continue;
      const name = entry.fileName.slice(0, -'.npy'.length);
      if (found.has(name)) throw new DataError(`${label} has two arrays named "${name}"; write it again.`);
      const where = `Array "${name}" of ${label}`;
      const bytes = await entryBytes(zip, entry, { path, label, where, maxBytes });
      found.set(name, { name, bytes });
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw notAZip(label, error);
  } finally {
    zip.close();
  }
  return [...found.values()];
}

interface Place {
  path: string;
  label: string;
  where: string;
  maxBytes: number;
}

async function entryBytes(zip: ZipFile, entry: Entry, place: Place): Promise<ByteSource> {
  if (!entry.canDecodeFileData()) {
    throw new DataError(
      `${place.where} is encrypted or packed in a way that NumPy does not use; write it with numpy.savez.`,
    );
  }
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  if (entry.compressionMethod === 0) return new FileBytes(place.path, fileDataStart, entry.uncompressedSize);
  if (entry.uncompressedSize > place.maxBytes) {
    throw new DataError(
      `${place.where} unpacks to ${entry.uncompressedSize} bytes, more than the limit of ${place.maxBytes}; write it with numpy.savez instead of numpy.savez_compressed, which needs no unpacking.`,
    );
  }
  const reopen = () => inflate(place, entry);
  return new StreamBytes(reopen, entry.uncompressedSize, place.where);
}

/** yauzl ends the stream with an error where the inflated size is not the declared one. */
async function inflate(place: Place, entry: Entry): Promise<Readable> {
  const zip = await openZip(place.path, place.label);
  try {
    const stream = await zip.openReadStreamPromise(entry);
    stream.once('close', () => zip.close());
    return stream;
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function openZip(path: string, label: string): Promise<ZipFile> {
  const { openPromise } = await import('yauzl');
  try {
    return await openPromise(path, { autoClose: false, lazyEntries: true, strictFileNames: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) throw cannotRead(path, error);
    throw notAZip(label, error);
  }
}

function notAZip(label: string, error: unknown): DataError {
  return new DataError(
    `${label} is not a valid .npz file (${firstLine(error)}); write it again with numpy.savez.`,
  );
}
