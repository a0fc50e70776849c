/**
 * The look-up tables that turn a byte of a bit plane into the codes' fields: int8 T[256, 8/p] per plane kind. Written
 * out they would be 512 to 2048 bytes each, so the file holds the nodes that compute them (about 70 bytes each, and
 * 130 per field width); all of it is constant and folded when a session is created.
 */
import { node } from './build';
import { fieldValues, planesOf, type CodeBits, type Plane } from './pack';
import { intConstant, rawConstant, type Part } from './part';
import { TensorProto_DataType as DataType } from './schema/onnx_pb';

/** Names of what all weights share; see tableNames. */
export type SharedName = (n: number) => string;

/** A shared piece of the file, by key: present when some weight needs it. */
export type SharedKey = string;

/** [-1], the target shape that flattens. */
export const FLAT = 'flat';
/** [0], where slices start. */
export const ZERO = 'zero';

const planeKinds: Plane[] = [];
for (const bits of [2, 3, 4, 5, 6, 7] as const) {
  for (const plane of planesOf(bits)) {
    if (!planeKinds.some((other) => planeKey(other) === planeKey(plane))) planeKinds.push(plane);
  }
}
const widths = [1, 2, 4] as const;
/** A piece's own tensor and those on the way to it. */
const namesPerPiece = 6;

/** Every shared piece, in the order in which it is written. */
const order: SharedKey[] = [
  FLAT,
  ZERO,
  'bytes',
  ...widths.map((width) => `index${width}`),
  ...planeKinds.map(planeKey),
];

export function planeKey(plane: Plane): SharedKey {
  return `${plane.signed ? 's' : 'u'}${plane.bits}<<${plane.shift}`;
}

/** Output tensor of a shared piece. */
export function sharedTensor(key: SharedKey, names: SharedName): string {
  return names(order.indexOf(key) * namesPerPiece);
}

/** The tables that a width's planes need, with all that those need. */
export function tableKeys(bits: CodeBits): SharedKey[] {
  if (bits === 8) return [];
  const keys = new Set<SharedKey>(['bytes']);
  for (const plane of planesOf(bits)) keys.add(`index${plane.bits}`).add(planeKey(plane));
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
export function sharedPart(key: SharedKey, names: SharedName, opset: number): Part {
  const own = sharedTensor(key, names);
  const spare = (n: number) => names(order.indexOf(key) * namesPerPiece + n);
  if (key === FLAT) return { constants: [intConstant(own, DataType.INT64, [1], [-1])], nodes: [] };
  if (key === ZERO) return { constants: [intConstant(own, DataType.INT64, [1], [0])], nodes: [] };
  if (key === 'bytes') return bytesPart(own, spare, opset);
  const width = widths.find((bits) => key === `index${bits}`);
  if (width) return indexPart(width, sharedTensor('bytes', names), own, spare, opset);
  const plane = planeKinds.find((kind) => planeKey(kind) === key)!;
  const values = new Uint8Array(fieldValues(plane).buffer);
  return {
    constants: [rawConstant(spare(1), DataType.INT8, [values.length], values.length, () => values)],
    nodes: [node('Gather', [spare(1), sharedTensor(`index${plane.bits}`, names)], [own])],
  };
}

/** int32 [256, 1]: every byte. */
function bytesPart(own: string, spare: (n: number) => string, opset: number): Part {
  if (opset < 11) {
    // Range came with opset 11.
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    return {
      constants: [rawConstant(spare(1), DataType.UINT8, [256, 1], 256, () => all)],
      nodes: [node('Cast', [spare(1)], [own], { to: DataType.INT32 })],
    };
  }
  return {
    constants: [
      intConstant(spare(1), DataType.INT32, [], [0]),
      intConstant(spare(2), DataType.INT32, [], [256]),
      intConstant(spare(3), DataType.INT32, [], [1]),
      intConstant(spare(4), DataType.INT64, [2], [256, 1]),
    ],
    nodes: [
      node('Range', [spare(1), spare(2), spare(3)], [spare(5)]),
      node('Reshape', [spare(5), spare(4)], [own]),
    ],
  };
}

/** int32 [256, 8/p]: the p-bit fields of every byte, low field first. */
function indexPart(
  width: Plane['bits'],
  bytes: string,
  own: string,
  spare: (n: number) => string,
  opset: number,
): Part {
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
