import { ioError } from '../../common/fileErrors';

/** Data that cannot be used: one sentence that says which file, what is wrong and what to do. */
export class DataError extends Error {
  override name = 'DataError';
}

/** The error for a file that the system would not let us read. */
export function cannotRead(path: string, error: unknown): DataError {
  return error instanceof DataError
    ? error
    : new DataError(ioError(error, path, 'read').message, { cause: error });
}

/** A foreign error's message, cut to one line that fits into a sentence. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0].trim().replace(/\.$/, '').slice(0, 200);
}
