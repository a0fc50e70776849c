/**
 * The look-up tables that turn bytes of bit planes into codes. A byte of the top plane holds the top fields of 4 or 2
 * codes; with the lower planes' fields of the same codes above it, it is an index into int8 T[2^n, 4 or 2]: the codes
 * ("codes b"). What a byte of a lower plane adds to such indices is looked up, too: int32 ("fields n at s"). Codes are
 * thus put together while they are few and small, which is what makes loading fast. Written out the tables would be up to
 * 32 KB each, so the file holds the nodes that compute them; all of it is constant and folded when a session is created.
 */
import { type GraphPart, intConstant, rawConstant } from '../graph/graphPart';
import { node } from '../proto/build';
import { TensorProto_DataType as DataType } from '../proto/onnx_pb';
import { type CodeBits, fieldValues, type Plane, planesOf } from './planes';

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

const widths: PlaneBits[] = [2, 3, 4, 5, 6, 7];
const splits = [2, 4] as const;
/** A piece's own tensor and those on the way to it. */
const namesPerPiece = 6;

/** The look-up of a lower plane. */
interface Fields {
  /** Bits of the plane that one index takes up. */
  bits: 2 | 4;
  /** Where in the index they stand. */
  at: number;
  /** Dims of what is looked up for a byte: 8 / bits in all. */
  dims: number[];
}

const lowerFields = new Map<SharedKey, Fields>();
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

function splitKey(bits: number): SharedKey {
  return `split ${bits}`;
}

/** The same as int32, to put wider codes together. */
function wideKey(bits: PlaneBits): SharedKey {
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

/** Nodes and constants of one shared piece. */
export function sharedPart(key: SharedKey, names: SharedName, opset: number): GraphPart {
  const own = sharedTensor(key, names);
  const spare = (n: number) => names(order.indexOf(key) * namesPerPiece + n);
  const source = (other: SharedKey) => sharedTensor(other, names);
  if (key === FLAT) return { constants: [intConstant(own, DataType.INT64, [1], [-1])], nodes: [] };
  if (key === ZERO) return { constants: [intConstant(own, DataType.INT64, [1], [0])], nodes: [] };
  if (key === 'bytes') return bytesPart(own, spare);
  const split = splits.find((bits) => key === splitKey(bits));
  if (split) return splitPart(split, source('bytes'), own, spare, opset);
  const fields = lowerFields.get(key);
  if (fields) return fieldsPart(fields, source(splitKey(fields.bits)), own, spare);
  const bits = widths.find((each) => key === codesKey(each) || key === wideKey(each))!;
  const isWide = key === wideKey(bits);
  if (isWide === isOnePlane(bits)) {
    const from = source(isWide ? codesKey(bits) : wideKey(bits));
    const to = isWide ? DataType.INT32 : DataType.INT8;
    return { constants: [], nodes: [node('Cast', [from], [own], { to })] };
  }
  if (!isWide) return codesPart(planesOf(bits)[0], source(splitKey(bits)), own, spare);
  return mergedPart(bits, source(wideKey(withoutLowest(bits))), own, spare);
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

/** int32 [256, 1]: every byte. */
function bytesPart(own: string, spare: (n: number) => string): GraphPart {
  const low = Array.from({ length: 16 }, (_, i) => i);
  return {
    constants: [
      intConstant(spare(1), DataType.INT32, [16], low),
      intConstant(
        spare(2),
        DataType.INT32,
        [16, 1],
        low.map((i) => 16 * i),
      ),
      intConstant(spare(3), DataType.INT64, [2], [256, 1]),
    ],
    nodes: [node('Add', [spare(1), spare(2)], [spare(4)]), node('Reshape', [spare(4), spare(3)], [own])],
  };
}

/** int32 [256, 8/p]: the p-bit fields of every byte, low field first. */
function splitPart(
  width: number,
  bytes: string,
  own: string,
  spare: (n: number) => string,
  opset: number,
): GraphPart {
  const perByte = 8 / width;
  const powers = Array.from({ length: perByte }, (_, j) => 2 ** (width * j));
  const constants = [
    intConstant(spare(1), DataType.INT32, [perByte], powers),
    intConstant(spare(2), DataType.INT32, [], [2 ** width]),
  ];
  const shifted = node('Div', [bytes, spare(1)], [spare(3)]);
  if (opset >= 10) return { constants, nodes: [shifted, node('Mod', [spare(3), spare(2)], [own])] };
  return {
    constants,
    nodes: [
      shifted,
      node('Div', [spare(3), spare(2)], [spare(4)]),
      node('Mul', [spare(4), spare(2)], [spare(5)]),
      node('Sub', [spare(3), spare(5)], [own]),
    ],
  };
}

function fieldsPart(
  { at, dims }: Fields,
  split: string,
  own: string,
  spare: (n: number) => string,
): GraphPart {
  const part: GraphPart = { constants: [intConstant(spare(1), DataType.INT32, [], [2 ** at])], nodes: [] };
  const placed = dims.length === 1 ? own : spare(2);
  part.nodes.push(node('Mul', [split, spare(1)], [placed]));
  if (dims.length > 1) {
    part.constants.push(intConstant(spare(3), DataType.INT64, [1 + dims.length], [256, ...dims]));
    part.nodes.push(node('Reshape', [placed, spare(3)], [own]));
  }
  return part;
}

/** int8 [256, 4 or 2]: the codes in a byte of a width's only plane. */
function codesPart(plane: Plane, split: string, own: string, spare: (n: number) => string): GraphPart {
  const values = new Uint8Array(fieldValues(plane).buffer);
  return {
    constants: [rawConstant(spare(1), DataType.INT8, [values.length], values.length, () => values)],
    nodes: [node('Gather', [spare(1), split], [own])],
  };
}

/**
 * int32 [2^n, 4 or 2]: the codes of every index, from those of the planes above the lowest and the lowest plane's fields,
 * which stand highest in the index.
 */
function mergedPart(bits: PlaneBits, above: string, own: string, spare: (n: number) => string): GraphPart {
  const planes = planesOf(bits);
  const lowest = planes[planes.length - 1];
  const codes = 8 / planes[0].bits;
  const rows = 1 << (codes * lowest.bits);
  const fields = Array.from(
    { length: rows * codes },
    (_, i) => (Math.floor(i / codes) >> (lowest.bits * (i % codes))) % (1 << lowest.bits),
  );
  let shifted = above;
  const nodes = Array.from({ length: lowest.bits }, (_, i) => {
    const doubled = node('Add', [shifted, shifted], [spare(3 + i)]);
    shifted = spare(3 + i);
    return doubled;
  });
  return {
    constants: [
      intConstant(spare(1), DataType.INT32, [rows, 1, codes], fields),
      intConstant(spare(2), DataType.INT64, [2], [2 ** (bits * codes), codes]),
    ],
    nodes: [
      ...nodes,
      node('Add', [shifted, spare(1)], [spare(5)]),
      node('Reshape', [spare(5), spare(2)], [own]),
    ],
  };
}

function isOnePlane(bits: PlaneBits): boolean {
  return planesOf(bits).length === 1;
}

function withoutLowest(bits: PlaneBits): PlaneBits {
  return (bits - planesOf(bits).at(-1)!.bits) as PlaneBits;
}
