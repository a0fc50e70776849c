/** Text files as other programs write them. */

/**
 * Text from bytes: UTF-8, or UTF-16 where a byte order mark says so (Excel's "Unicode text"). The mark itself is dropped,
 * which JSON and CSV parsers would take for a character.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder('utf-8').decode(bytes);
}

/** Text without a byte order mark, for text that somebody else has decoded. */
export const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text);
