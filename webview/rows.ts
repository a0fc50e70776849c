/** The rows of the table: what is in them, and which are shown in what order. */
import { formatSize } from '../src/common/sizes';
import type { FixedBy } from '../src/core/problem/problem';
import type { BitWidth } from '../src/core/problem/widths';
import { formatCount, formatPercent, formatShape, significant } from './format';
import { FIXED_WORDS } from './glyphs';
import { t } from './l10n';
import type { PanelFunction } from './protocol';
import type { Store } from './store';

export interface Row {
  /** 0-based, in network order. */
  index: number;
  name: string;
  op: string;
  shape: string;
  stage: number;
  params: number;
  macs: number | null;
  gamma: number | null;
  importance: number | null;
  bits: BitWidth | null;
  bytes: number;
  share: number | null;
  fixedBy: FixedBy | null;
}

export interface Column {
  id: Exclude<keyof Row, 'stage' | 'fixedBy'>;
  title: string;
  /** What it means, where the title does not say it. */
  help?: string;
  /** CSS grid track. */
  track: string;
  /** Left out of a table narrower than this, in pixels: it would push the bits out of sight. */
  from?: number;
  numeric: boolean;
  text(row: Row): string;
}

export const COLUMNS: readonly Column[] = [
  { id: 'index', title: '#', track: 'minmax(40px, 48px)', numeric: true, text: (r) => String(r.index + 1) },
  { id: 'name', title: t('Layer'), track: 'minmax(90px, 3fr)', numeric: false, text: (r) => r.name },
  {
    id: 'op',
    from: 900,
    title: t('Operator'),
    track: 'minmax(70px, 0.7fr)',
    numeric: false,
    text: (r) => r.op,
  },
  {
    id: 'shape',
    from: 900,
    title: t('Output'),
    track: 'minmax(110px, 1fr)',
    numeric: false,
    text: (r) => r.shape,
  },
  {
    id: 'params',
    from: 900,
    title: t('Parameters'),
    track: 'minmax(86px, 0.7fr)',
    numeric: true,
    text: (r) => formatCount(r.params),
  },
  {
    id: 'macs',
    from: 900,
    title: 'MACs',
    help: t('Multiply-accumulates for one sample'),
    track: 'minmax(74px, 0.7fr)',
    numeric: true,
    text: (r) => (r.macs === null ? '?' : formatCount(r.macs)),
  },
  {
    id: 'gamma',
    from: 480,
    title: t('Overlap'),
    help: t('How much the output has in common with those of all other layers (γ)'),
    track: 'minmax(62px, 0.6fr)',
    numeric: true,
    text: (r) => (r.gamma === null ? '' : significant(r.gamma)),
  },
  {
    id: 'importance',
    from: 620,
    title: t('Importance'),
    help: t('Weight of the bits in the objective, largest = 1'),
    track: 'minmax(86px, 0.7fr)',
    numeric: true,
    text: (r) => (r.importance === null ? '' : significant(r.importance)),
  },
  {
    id: 'bits',
    title: t('Bits'),
    track: 'minmax(78px, 0.7fr)',
    numeric: true,
    text: (r) => (r.bits === null ? '' : String(r.bits)),
  },
  {
    id: 'bytes',
    from: 620,
    title: t('Size'),
    track: 'minmax(80px, 0.7fr)',
    numeric: true,
    text: (r) => formatSize(r.bytes),
  },
  {
    id: 'share',
    from: 340,
    title: t('Of file'),
    track: 'minmax(66px, 0.6fr)',
    numeric: true,
    text: (r) => (r.share === null ? '' : formatPercent(r.share)),
  },
];

export interface Sorting {
  by: Column['id'];
  descending: boolean;
}

/** Every solution makes all rows anew; what only the file decides is made once. */
const shapes = new WeakMap<PanelFunction, string>();

function shapeText(f: PanelFunction): string {
  let text = shapes.get(f);
  if (text === undefined) {
    text = formatShape(f.shape).replaceAll(' ', '');
    shapes.set(f, text);
  }
  return text;
}

export function rowsOf(store: Store): Row[] {
  const { state, shown } = store;
  if (!state) return [];
  const total = shown.totals?.sizeBytes ?? null;
  return state.functions.map((f, index): Row => {
    const bits = shown.bits[index] ?? null;
    const bytes = f.bytes[bits ?? 32] ?? f.params * 4;
    return {
      index,
      name: f.name,
      op: f.op,
      shape: shapeText(f),
      stage: f.stage,
      params: f.params,
      macs: f.macs,
      gamma: f.gamma,
      importance: shown.weights ? shown.weights.weight[index] : null,
      bits,
      bytes,
      share: total === null ? bytes / state.model.bytes : bytes / total,
      fixedBy: store.fixedBy(index),
    };
  });
}

/**
 * Rows that match every word of the filter: a part of name, operator or shape; "4bit", "locked", "pinned" and
 * "stage2" match what they say.
 */
export function filtered(rows: readonly Row[], filter: string): Row[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return rows.filter((row) => words.every((word) => matches(row, word)));
}

function matches(row: Row, word: string): boolean {
  const tags = [`${row.bits ?? ''}bit`, `stage${row.stage}`];
  if (row.fixedBy) tags.push(row.fixedBy === 'rule' ? 'ruled' : FIXED_WORDS[row.fixedBy]);
  return tags.includes(word) || `${row.name} ${row.op} ${row.shape}`.toLowerCase().includes(word);
}

export function sorted(rows: readonly Row[], { by, descending }: Sorting): Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(a[by], b[by]) || a.index - b.index);
}

/** Unknown values come last in rising order. */
function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return typeof a === 'string' || typeof b === 'string'
    ? String(a).localeCompare(String(b), 'en', { numeric: true })
    : a - b;
}
