/** Text that may hold names from a model or config, for places that would make more of it than text. */

/** C0 and C1 controls but line feed, and the marks that turn the direction of writing. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** For a terminal: nothing in it moves the cursor, sets a title or writes backwards. */
export function printable(text: string): string {
  return text.replace(CONTROLS, '\ufffd');
}

/** For a notification of VS Code, which makes links, also ones that run commands, of [words](target). */
export function unlinked(text: string): string {
  return printable(text).replaceAll('](', '] (');
}
