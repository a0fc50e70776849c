/** No config is nested this deeply; parsers recurse, and would run out of stack. */
const DEEPEST = 64;

/** Whether the brackets of a JSON text, outside its strings, nest beyond reason. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      // A string ends with its line at the latest: the text may be half typed.
      else if (c === '"' || c === '\n') quoted = false;
    } else if (c === '"') quoted = true;
    else if ((c === '[' || c === '{') && ++depth > DEEPEST) return true;
    else if (c === ']' || c === '}') depth = Math.max(0, depth - 1);
  }
  return false;
}
