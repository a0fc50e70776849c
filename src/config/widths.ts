/** Sets of bit-widths as people write them. */
import { BIT_WIDTHS, type BitWidth } from '../core/problem/widths';

export function isBitWidth(value: number): value is BitWidth {
  return (BIT_WIDTHS as readonly number[]).includes(value);
}

/** "4-8", "2,4,8", "2-4,8,16" -> sorted widths; null where one of them cannot be stored. */
export function parseWidths(text: string): BitWidth[] | null {
  const widths = new Set<BitWidth>();
  for (const part of text.split(',')) {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (!match) return null;
    const from = Number(match[1]);
    const to = match[2] === undefined ? from : Number(match[2]);
    if (!isBitWidth(from) || !isBitWidth(to) || from > to) return null;
    for (const width of BIT_WIDTHS) if (width >= from && width <= to) widths.add(width);
  }
  return [...widths].sort((a, b) => a - b);
}
