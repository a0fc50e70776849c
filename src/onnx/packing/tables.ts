/**
 * The look-up tables that turn bytes of bit planes into codes. A byte of the top plane holds the top fields of 4 or 2
 * codes; with the lower planes' fields of the same codes above it, it is an index into int8 T[2^n, 4 or 2]: the codes
 * ("codes b"). What a byte of a lower plane adds to such indices is looked up, too: int32 ("fields n at s"). Codes are
 * thus put together while they are few and small, which is what makes loading fast. Written out the tables would be up to
 * 32 KB each, so the file holds the nodes that compute them; all of it is constant and folded when a session is created.
 */
import { type CodeBits, type Plane, planesOf } from './planes';

/** Names of what all weights share; see tableNames. */
export type SharedName = (n: number) => string;

/** A shared piece of the file, by key: present when some weight needs it. */
export type SharedKey = string;

/** Widths that are stored as planes. */
export type PlaneBits = Exclude<CodeBits, 8>;

/** [-1], the target shape that flattens. */
export const FLAT = 'flat';
/** [0], where slices start. */
export const ZERO = 'zero';

export const widths: PlaneBits[] = [2, 3, 4, 5, 6, 7];
export const splits = [2, 4] as const;
/** A piece's own tensor and those on the way to it. */
const namesPerPiece = 6;

/** The look-up of a lower plane. */
export interface Fields {
  /** Bits of the plane that one index takes up. */
  bits: 2 | 4;
  /** Where in the index they stand. */
  at: number;
  /** Dims of what is looked up for a byte: 8 / bits in all. */
  dims: number[];
}

export const lowerFields = new Map<SharedKey, Fields>();
for (const width of widths) {
  for (const plane of planesOf(width).slice(1))
    lowerFields.set(fieldsKey(width, plane), fieldsOf(width, plane));
}

/** Every shared piece, in the order in which it is written. */
const order: SharedKey[] = [
  FLAT,
  ZERO,
  'bytes',
  ...splits.map(splitKey),
  ...lowerFields.keys(),
  // Which is computed from which: see sharedPart.
  ...widths.flatMap((bits) =>
    (isOnePlane(bits) ? [codesKey, wideKey] : [wideKey, codesKey]).map((key) => key(bits)),
  ),
];

/** The table of codes of a width. */
export function codesKey(bits: PlaneBits): SharedKey {
  return `codes ${bits}`;
}

export function splitKey(bits: number): SharedKey {
  return `split ${bits}`;
}

/** The same as int32, to put wider codes together. */
export function wideKey(bits: PlaneBits): SharedKey {
  return `wide ${bits}`;
}

/** The table of what a byte of a lower plane adds to the indices into the table of codes. */
export function fieldsKey(bits: PlaneBits, plane: Plane): SharedKey {
  const { bits: own, at, dims } = fieldsOf(bits, plane);
  return `fields ${own} at ${at} by ${dims.join('x')}`;
}

/** Dims of a plane of `length` bytes, such that the look-up of each lower plane has those of the top plane. */
export function planeDims(bits: PlaneBits, plane: Plane, length: number): number[] {
  const below = planesOf(bits).filter(({ shift }) => shift < plane.shift);
  const rows = (length * (below.at(-1) ?? plane).bits) / plane.bits;
  return [rows, ...ratios([plane, ...below])];
}

/** Names for what lies on the way to a shared piece: from 1 on. */
export function spareNames(key: SharedKey, names: SharedName): (n: number) => string {
  return (n) => names(order.indexOf(key) * namesPerPiece + n);
}

/** Output tensor of a shared piece. */
export function sharedTensor(key: SharedKey, names: SharedName): string {
  return names(order.indexOf(key) * namesPerPiece);
}

/** The tables that a width's planes need, with all that those need. */
export function tableKeys(bits: CodeBits): SharedKey[] {
  if (bits === 8) return [];
  const [top, ...lower] = planesOf(bits);
  const keys = new Set<SharedKey>(['bytes', splitKey(top.bits), codesKey(bits)]);
  for (const plane of lower) keys.add(splitKey(fieldsOf(bits, plane).bits)).add(fieldsKey(bits, plane));
  for (let wide = bits; wide > top.bits;) {
    keys.add(wideKey(wide));
    wide = withoutLowest(wide);
    keys.add(wideKey(wide));
    if (wide === top.bits) keys.add(codesKey(wide));
  }
  return [...keys];
}

/** Every shared piece that a file can hold, in writing order. */
export function sharedKeys(): readonly SharedKey[] {
  return order;
}

/** The given pieces in writing order, each once. */
export function sortShared(keys: Iterable<SharedKey>): SharedKey[] {
  const wanted = new Set(keys);
  return order.filter((key) => wanted.has(key));
}

/** Bits of one plane over those of the next, from the lowest plane up. */
function ratios(planes: Plane[]): number[] {
  return planes
    .slice(1)
    .map(({ bits }, i) => planes[i].bits / bits)
    .reverse();
}

function fieldsOf(bits: PlaneBits, plane: Plane): Fields {
  const [top, ...lower] = planesOf(bits);
  const codes = 8 / top.bits;
  const above = lower.filter(({ shift }) => shift > plane.shift);
  return {
    bits: (codes * plane.bits) as Fields['bits'],
    at: above.reduce((sum, each) => sum + codes * each.bits, 8),
    dims: ratios([top, ...above, plane]),
  };
}

export function isOnePlane(bits: PlaneBits): boolean {
  return planesOf(bits).length === 1;
}

export function withoutLowest(bits: PlaneBits): PlaneBits {
  return (bits - planesOf(bits).at(-1)!.bits) as PlaneBits;
}
