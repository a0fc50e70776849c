/** Lists and numbers as English sentences have them. */
const conjunction = new Intl.ListFormat('en-GB', { type: 'conjunction' });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** "a", "a and b", "a, b and c". */
export function listed(names: readonly string[]): string {
  return conjunction.format(names);
}

/** "1,234,567". */
export function grouped(value: number): string {
  return whole.format(value);
}
