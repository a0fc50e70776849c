/** A network or a file that a format cannot carry, in one sentence for people. */
export class FormatError extends Error {
  override name = 'FormatError';
}
