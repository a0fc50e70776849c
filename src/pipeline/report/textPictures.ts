/** The bit map and the orthogonality matrix as text, for Markdown: every viewer shows it, and it can be pasted. */

/** Layers in a row; more of them go on in a row below. */
const ACROSS = 100;
const HIGHEST = 8;
/** Cells of the matrix along an edge; more layers share one. */
const CELLS = 48;
const SHADES = ' ░▒▓█';

/** A column for each layer, as high as its bits; more than 8 end in an arrow. */
export function bitMapText(bits: readonly number[]): string {
  const rows: string[] = [];
  for (let from = 0; from < bits.length; from += ACROSS) {
    const part = bits.slice(from, from + ACROSS);
    for (let level = HIGHEST; level >= 1; level--) {
      const bar = (width: number): string => {
        if (width < level) return ' ';
        return level === HIGHEST && width > HIGHEST ? '▲' : '█';
      };
      rows.push(`${level} │${part.map(bar).join('')}`.trimEnd());
    }
    rows.push(`  └${'─'.repeat(part.length)}`);
    rows.push(`   layers ${from + 1} to ${from + part.length}`);
  }
  return rows.join('\n');
}

/** @param orm L x L, row-major, 0 (orthogonal) to 1 (the same) */
export function ormText(orm: Float64Array, count: number): string {
  const edge = Math.min(count, CELLS);
  const first = (cell: number): number => Math.floor((cell * count) / edge);
  const mean = (row: number, column: number): number => {
    let sum = 0;
    for (let i = first(row); i < first(row + 1); i++)
      for (let j = first(column); j < first(column + 1); j++) sum += orm[i * count + j];
    return sum / ((first(row + 1) - first(row)) * (first(column + 1) - first(column)));
  };
  const shade = (value: number): string =>
    SHADES[Math.min(SHADES.length - 1, Math.max(0, Math.floor(value * SHADES.length)))];
  return Array.from({ length: edge }, (_, row) =>
    Array.from({ length: edge }, (_, column) => shade(mean(row, column)).repeat(2)).join(''),
  ).join('\n');
}
