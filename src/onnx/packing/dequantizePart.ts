/** Weights stored as integers that a DequantizeLinear reads: ONNX Runtime keeps them packed and fuses them with the product. */
import { type GraphPart, rawConstant } from '../graph/graphPart';
import { node } from '../proto/build';
import { product } from '../proto/dims';
import { NodeProtoSchema, TensorProto_DataType as DataType, type NodeProto } from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';
import { packPlane } from './planes';
import type { ProductReader } from './productReaders';
import { scaleBytes } from './floatBytes';
import type { StorageForm, StoredWeight, WeightContent } from './storedWeight';
import type { UnpackPart } from './unpackWriter';

/** Widths that have an integer type of their own, and the operator set that DequantizeLinear takes it from. */
const DEQUANTIZED = { 2: 25, 4: 21, 8: 13 } as const;
export type DequantizedBits = keyof typeof DEQUANTIZED;

/** DequantizeLinear takes groups from here on. */
const GROUPS_OPSET = 21;
/** Of two bits, ONNX Runtime is slow with other groups, and wrong where outputs do not fill whole bytes (1.30 to 1.32). */
const TWO_BIT_GROUPS: readonly (number | undefined)[] = [64, 128];
const TWO_BIT_OUTPUTS = 4;

export function isDequantizedWidth(bits: number): bits is DequantizedBits {
  return Object.hasOwn(DEQUANTIZED, bits);
}

/** The operator set that the form asks for; null: this weight has no such form that ONNX Runtime runs right and fast. */
export function dequantizeOpset(
  { shape, dataType, axis, apart = [], group }: StoredWeight,
  bits: number,
  readers: readonly ProductReader[],
): number | null {
  if (!isDequantizedWidth(bits) || readers.length === 0 || apart.length > 0) return null;
  if (dataType !== (DataType.FLOAT as number) || shape.length !== 2) return null;
  const outputs = readers[0].transposed ? 0 : 1;
  if (axis !== outputs) return null;
  if (bits === 2 && (!TWO_BIT_GROUPS.includes(group?.size) || shape[outputs] % TWO_BIT_OUTPUTS !== 0))
    return null;
  return Math.max(DEQUANTIZED[bits], group ? GROUPS_OPSET : 0);
}

/** TensorProto.DataType: INT2, INT4 and INT8. */
const TYPES: Record<DequantizedBits, number> = { 2: 26, 4: 22, 8: DataType.INT8 };

/** Each reader gets a DequantizeLinear of its own: one that two products read is not fused. */
export function dequantizePart(
  weight: StoredWeight,
  bits: DequantizedBits,
  readers: readonly ProductReader[],
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
): UnpackPart {
  const { shape, group } = weight;
  const [{ transposed }] = readers;
  const dims = transposed ? [shape[1], shape[0]] : [...shape];
  const count = dims[0] * dims[1];
  const part: GraphPart = { constants: [], nodes: [] };
  const [codes, stored, scale] = [names(0), names(1), names(2)];
  const bytes = Math.ceil((count * bits) / 8);
  part.constants.push(
    rawConstant(codes, TYPES[bits], dims, bytes, () => {
      const own = transposed ? transpose(content.codes(), shape) : content.codes();
      if (bits === 8) return new Uint8Array(own.buffer, own.byteOffset, own.length);
      return packPlane(own, { bits, shift: 0, signed: true }, bytes);
    }),
  );
  const half = form.scaleType === 'float16';
  const table = scaleTable(weight);
  part.constants.push(
    rawConstant(
      stored,
      half ? DataType.FLOAT16 : DataType.FLOAT,
      table,
      product(table) * (half ? 2 : 4),
      () => {
        const own = content.scales();
        const ordered = transposed && group ? transpose(own, [table[1], table[0]]) : own;
        return scaleBytes(ordered, half, weight.tensor);
      },
    ),
  );
  if (half) part.nodes.push(node('Cast', [stored], [scale], { to: DataType.FLOAT }));
  const attributes: Record<string, number> = group ? { axis: 0, block_size: group.size } : { axis: 1 };
  const dequantize = (output: string) =>
    node('DequantizeLinear', [codes, half ? scale : stored], [output], attributes);
  const picked = new Map<NodeProto, NodeProto[]>();
  if (readers.length === 1 && !transposed) part.nodes.push(dequantize(weight.tensor));
  else {
    readers.forEach((reader, i) => {
      const floats = names(3 + i);
      picked.set(reader.node, [dequantize(floats), readerOf(reader.node, floats)]);
    });
  }
  return { ...part, needs: [], picked };
}

/** [outputs], or [groups, outputs]. */
function scaleTable({ shape, axis, group }: StoredWeight): number[] {
  return group ? [shape[group.axis] / group.size, shape[axis]] : [shape[axis]];
}

function readerOf(reader: NodeProto, weight: string): NodeProto {
  const [input, , ...others] = reader.input;
  return shallowCopy(NodeProtoSchema, reader, {
    input: [input, weight, ...others],
    attribute: reader.attribute.filter(({ name }) => name !== 'transB'),
  });
}

function transpose<T extends Int8Array | Float32Array>(values: T, [rows, columns]: readonly number[]): T {
  const result = values.slice() as T;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c];
  }
  return result;
}
