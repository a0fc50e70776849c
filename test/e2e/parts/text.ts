/** A pattern for text that is `text` and nothing more; a pattern is taken as it is. */
export function exactly(text: string | RegExp): RegExp {
  return text instanceof RegExp
    ? text
    : new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`);
}
