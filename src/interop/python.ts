/** Small pieces of Python source. */

export function pythonString(text: string): string {
  // JSON escapes what Python would, in a way that Python reads; \u2028 and the like are left alone by both.
  return JSON.stringify(text);
}

/** A dict display with one entry a line. @param indent of its closing brace */
export function pythonDict(entries: Iterable<readonly [string, string]>, indent = ''): string {
  const lines = [...entries].map(([key, value]) => `${indent}    ${pythonString(key)}: ${value},`);
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`;
}

export function pythonList(names: readonly string[]): string {
  if (names.length === 0) return '[]';
  return `[\n${names.map((name) => `    ${pythonString(name)},`).join('\n')}\n]`;
}

/** A comment of the given sentences, one a line. */
export function pythonComment(sentences: readonly string[]): string {
  return sentences.map((line) => `# ${line.replaceAll(/\p{Cc}+/gu, ' ')}\n`).join('');
}
