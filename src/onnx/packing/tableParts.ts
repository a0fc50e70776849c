/** The nodes that compute the look-up tables of tables.ts when a session is created. */
import { type GraphPart, intConstant, rawConstant } from '../graph/graphPart';
import { node } from '../proto/build';
import { TensorProto_DataType as DataType } from '../proto/onnx_pb';
import { fieldValues, type Plane, planesOf } from './planes';
import {
  codesKey,
  type Fields,
  FLAT,
  isOnePlane,
  lowerFields,
  type PlaneBits,
  type SharedKey,
  type SharedName,
  sharedTensor,
  spareNames,
  splitKey,
  splits,
  wideKey,
  widths,
  withoutLowest,
  ZERO,
} from './tables';

/** Nodes and constants of one shared piece. */
export function sharedPart(key: SharedKey, names: SharedName, opset: number): GraphPart {
  const own = sharedTensor(key, names);
  const spare = spareNames(key, names);
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
