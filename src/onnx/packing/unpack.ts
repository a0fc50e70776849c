/** The nodes that turn one weight's stored form back into the tensor the model's own nodes read. */
import { type ConstantForm, partBytes } from '../graph/graphPart';
import { scaleDims } from '../network/scaleAxes';
import { TensorProto_DataType as DataType, type NodeProto } from '../proto/onnx_pb';
import { halfBytes, scaleBytes } from './floatBytes';
import { type CodeBits, packPlane, paddedLength, paddedRow, paddedRows, planesOf } from './planes';
import { type WeightReaders, WHOLE } from './rowPickers';
import {
  isPickable,
  splitDims,
  type StorageForm,
  type StoredWeight,
  type UnpackedAs,
  type WeightContent,
} from './storedWeight';
import { product } from '../proto/dims';
import { codesKey, fieldsKey, FLAT, planeDims, sharedTensor, tableKeys } from './tables';
import { addSlice, Rows, type UnpackPart, UnpackWriter } from './unpackWriter';

/** Name of the codes of a weight that is unpacked to them. */
export function codesName(names: (n: number) => string): string {
  return names(51);
}

/** Planes cost nodes; below this many bytes saved in the file, a weight stays one int8 constant. */
const worthPlanes = 256;

/**
 * The stored form of a weight at 2 to 8 bits: bit planes where they save enough, int8 otherwise. In small weights the
 * nodes of a second plane can outweigh it; then the codes take the planes of the next width, so that a lower width is
 * never the larger file.
 */
export function codesPart(
  weight: StoredWeight,
  bits: CodeBits,
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
  as: UnpackedAs = 'weight',
  readers: WeightReaders = WHOLE,
): UnpackPart {
  const rows = isPickable(weight) ? readers : WHOLE;
  const bytes = int8Part(weight, names, form, content, as, rows);
  let best = bytes;
  let least = unpackBytes(bytes, form.constants) - worthPlanes + 1;
  for (let width = bits; width < 8; width++) {
    const part = planesPart(weight, width as Exclude<CodeBits, 8>, names, form, content, as, rows);
    const size = unpackBytes(part, form.constants);
    if (size >= least) continue;
    best = part;
    least = size;
  }
  return best;
}

/** Bytes that the part adds to a file, those of the nodes that it replaces taken off. */
export function unpackBytes(part: UnpackPart, constants: ConstantForm): number {
  const bytesOf = (nodes: NodeProto[]) => partBytes({ constants: [], nodes }, constants);
  let bytes = partBytes(part, constants);
  for (const [before, after] of part.picked) bytes += bytesOf(after) - bytesOf([before]);
  return bytes;
}

/** Float16 storage of a wider weight ("16 bits"). */
export function halfPart(
  weight: StoredWeight,
  names: (n: number) => string,
  content: WeightContent,
  readers: WeightReaders = WHOLE,
): UnpackPart {
  const writer = new UnpackWriter(counter(names, 0));
  const half = writer.raw(DataType.FLOAT16, weight.shape, 2 * product(weight.shape), () =>
    halfBytes(content.values(), weight.tensor),
  );
  return writer.forReaders(weight, readers, (rows, output) => {
    writer.add('Cast', [rows.of(half)], { to: weight.dataType }, output);
  });
}

/** Whether 16 bits means anything for a tensor of this type: it must be wider. */
export function isWiderThanHalf(dataType: number): boolean {
  return ([DataType.FLOAT, DataType.DOUBLE] as number[]).includes(dataType);
}

function int8Part(
  weight: StoredWeight,
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
  as: UnpackedAs,
  readers: WeightReaders,
): UnpackPart {
  const writer = new UnpackWriter(counter(names, as === 'codes' ? 1 : 0));
  const bytes = () => {
    const { buffer, byteOffset, length } = content.codes();
    return new Uint8Array(buffer, byteOffset, length);
  };
  const own = as === 'codes' ? codesName(names) : undefined;
  const codes = writer.raw(DataType.INT8, splitDims(weight), product(weight.shape), bytes, own);
  if (as === 'codes') return writer.part;
  const scaled = scaling(writer, weight, form, content);
  return writer.forReaders(weight, readers, (rows, output) => scaled(rows.of(codes), rows, output));
}

/**
 * Codes lie in a byte of the top plane, and in the lower planes' fields above it: one index into the table of codes. Where
 * rows are picked each row starts with a byte of its own; else all codes follow each other.
 */
function planesPart(
  weight: StoredWeight,
  bits: Exclude<CodeBits, 8>,
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
  as: UnpackedAs,
  readers: WeightReaders,
): UnpackPart {
  const writer = new UnpackWriter(counter(names, 0));
  const count = product(weight.shape);
  const inRows = readers.pickers.length > 0;
  const rowCount = inRows ? weight.shape[0] : 1;
  const rowLength = count / rowCount;
  const padded = inRows ? paddedRow(rowLength, bits) : paddedLength(count);
  const planes = planesOf(bits).map((plane) => {
    const length = (padded * plane.bits) / 8;
    const dims = planeDims(bits, plane, length);
    return {
      plane,
      packed: writer.raw(DataType.UINT8, inRows ? [rowCount, ...dims] : dims, rowCount * length, () =>
        packPlane(
          inRows ? paddedRows(content.codes(), rowLength, padded) : content.codes(),
          plane,
          length * rowCount,
        ),
      ),
    };
  });
  writer.part.needs.push(...tableKeys(bits));
  const unpacked = (rows: Rows, output?: string): string => {
    let index = '';
    for (const { plane, packed } of planes) {
      const field = writer.add('Cast', [rows.of(packed)], { to: DataType.INT32 });
      if (plane.signed) index = field;
      else {
        const above = sharedTensor(fieldsKey(bits, plane), form.shared);
        index = writer.add('Add', [index, writer.add('Gather', [above, field])]);
      }
    }
    const codes = writer.add('Gather', [sharedTensor(codesKey(bits), form.shared), index]);
    if (inRows) return rows.shaped(codes, padded, form, output);
    const flat =
      padded === count
        ? codes
        : addSlice(writer, writer.add('Reshape', [codes, writer.shared(FLAT, form.shared)]), 0, count, form);
    return writer.add('Reshape', [flat, writer.int64s(splitDims(weight))], {}, output);
  };
  if (as === 'codes') {
    unpacked(new Rows(writer, weight, null), codesName(names));
    return writer.part;
  }
  const scaled = scaling(writer, weight, form, content);
  return writer.forReaders(weight, readers, (rows, output) => scaled(unpacked(rows), rows, output));
}

/** codes * scale, in the weight's own type. One rounding: fround(code * scale). */
function scaling(writer: UnpackWriter, weight: StoredWeight, form: StorageForm, content: WeightContent) {
  const dims = scaleDims(weight);
  const half = form.scaleType === 'float16';
  const scales = writer.raw(
    half ? DataType.FLOAT16 : DataType.FLOAT,
    dims,
    product(dims) * (half ? 2 : 4),
    () => scaleBytes(content.scales(), half, weight.tensor),
  );
  return (codes: string, rows: Rows, output: string): void => {
    const floats = writer.add('Cast', [codes], { to: DataType.FLOAT });
    const own = rows.of(scales);
    const scale = half ? writer.add('Cast', [own], { to: DataType.FLOAT }) : own;
    const plain = weight.dataType === (DataType.FLOAT as number);
    const isLast = plain && !weight.group;
    const product = writer.add('Mul', [floats, scale], {}, isLast ? output : undefined);
    const whole = weight.group ? rows.whole(product, plain ? output : undefined) : product;
    if (!plain) writer.add('Cast', [whole], { to: weight.dataType }, output);
  };
}

function counter(names: (n: number) => string, first: number): () => string {
  let n = first;
  return () => names(n++);
}
