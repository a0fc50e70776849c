/** What can go wrong with a file, in sentences for people. */

/** A model file that cannot be used, in one sentence for people. */
export class OnnxError extends Error {
  override name = 'OnnxError';
}

const REASONS: Record<string, string> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission was denied',
  EPERM: 'permission was denied',
  EROFS: 'its disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many files are open',
  EBUSY: 'another program is using it',
  EIO: 'the disk reported an error',
};

/** The sentence for a failed read or write of `path`. */
export function ioError(error: unknown, path: string, verb: 'read' | 'write'): OnnxError {
  if (error instanceof OnnxError) return error;
  const code = (error as { code?: string }).code ?? '';
  const missingFolder = verb === 'write' && code === 'ENOENT';
  const reason = missingFolder
    ? 'its folder does not exist'
    : (REASONS[code] ?? (error instanceof Error ? error.message : String(error)));
  return new OnnxError(`Cannot ${verb} ${path}: ${reason}.`, { cause: error });
}
