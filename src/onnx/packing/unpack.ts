/** The nodes that turn one weight's stored form back into the tensor the model's own nodes read. */
import { type ConstantForm, type GraphPart, intConstant, partBytes, rawConstant } from '../graph/graphPart';
import { type ScaleAxes, scaleDims, splitAxes } from '../network/scaleAxes';
import { node } from '../proto/build';
import { roundToFloat16, toFloat16Bits } from '../proto/float16';
import { TensorProto_DataType as DataType, type NodeProto } from '../proto/onnx_pb';
import { type CodeBits, packPlane, paddedLength, paddedRow, paddedRows, planesOf } from './planes';
import { type RowPicker, type WeightReaders, WHOLE } from './rowPickers';
import {
  codesKey,
  fieldsKey,
  FLAT,
  planeDims,
  type SharedKey,
  type SharedName,
  sharedTensor,
  tableKeys,
  ZERO,
} from './tables';

/** A weight tensor of the source file. */
export interface StoredWeight extends ScaleAxes {
  /** The tensor's name in the file: the name under which it is put back. */
  tensor: string;
  shape: number[];
  /** TensorProto.DataType: FLOAT, FLOAT16, BFLOAT16 or DOUBLE. */
  dataType: number;
}

/** How weights are stored, the same for all weights of a file. */
export interface StorageForm {
  scaleType: 'float32' | 'float16';
  opset: number;
  constants: ConstantForm;
  shared: SharedName;
}

/** Makes the bytes of the constants; called only when a file is written. */
export interface WeightContent {
  codes(): Int8Array;
  scales(): Float32Array;
  values(): Float32Array;
}

/** What comes out: the weight under its own name, or its int8 codes for an integer layer to read. */
export type UnpackedAs = 'weight' | 'codes';

/** Name of the codes of a weight that is unpacked to them. */
export function codesName(names: (n: number) => string): string {
  return names(51);
}

export interface UnpackPart extends GraphPart {
  /** Shared pieces that the part reads. */
  needs: SharedKey[];
  /** What takes the place of nodes that pick rows of the weight: rows are picked packed, and only those unpacked. */
  picked: Map<NodeProto, NodeProto[]>;
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
  const half = writer.raw(DataType.FLOAT16, weight.shape, 2 * elements(weight.shape), () =>
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

/** Number of elements of a shape. */
export function elements(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Rows along the first axis stand for themselves: none shares a scale with another one. */
function isPickable({ axis, apart = [], group }: StoredWeight): boolean {
  return Math.min(axis, ...apart) === 0 && group?.axis !== 0;
}

/** Dims under which the scales broadcast over the codes: the weight's own, groups split. */
function splitDims(weight: StoredWeight): number[] {
  return [...splitAxes(weight).shape];
}

/** The nodes of one part as they are written: those of the part itself, or those in the place of a node that picks rows. */
class UnpackWriter {
  readonly part: UnpackPart = { constants: [], nodes: [], needs: [], picked: new Map() };
  private nodes = this.part.nodes;

  constructor(readonly next: () => string) {}

  add(op: string, inputs: string[], attributes: Record<string, number> = {}, output = this.next()): string {
    this.nodes.push(node(op, inputs, [output], attributes));
    return output;
  }

  /** A Slice as it was before opset 10. */
  cut(input: string, output: string, axis: number, end: number): void {
    const attributes = { starts: [0], ends: [end], ...(axis === 0 ? {} : { axes: [axis] }) };
    this.nodes.push(node('Slice', [input], [output], attributes));
  }

  raw(type: number, dims: number[], bytes: number, fill: () => Uint8Array, name = this.next()): string {
    this.part.constants.push(rawConstant(name, type, dims, bytes, fill));
    return name;
  }

  int64s(values: number[]): string {
    const name = this.next();
    this.part.constants.push(intConstant(name, DataType.INT64, [values.length], values));
    return name;
  }

  shared(key: SharedKey, names: SharedName): string {
    this.part.needs.push(key);
    return sharedTensor(key, names);
  }

  /** Writes `unpack` once for the weight itself, where it is read, and once for each node that picks rows of it. */
  forReaders(
    weight: StoredWeight,
    { pickers, whole }: WeightReaders,
    unpack: (rows: Rows, output: string) => void,
  ): UnpackPart {
    if (whole) unpack(new Rows(this, weight, null), weight.tensor);
    for (const picker of pickers) {
      this.nodes = [];
      unpack(new Rows(this, weight, picker), picker.node.output[0]);
      this.part.picked.set(picker.node, this.nodes);
    }
    this.nodes = this.part.nodes;
    return this.part;
  }
}

/** All rows of a stored tensor, or those that a node picks. */
class Rows {
  constructor(
    private readonly writer: UnpackWriter,
    private readonly weight: StoredWeight,
    private readonly picker: RowPicker | null,
  ) {}

  /** The rows of a constant that has as many rows as the weight. */
  of(constant: string): string {
    return this.picker ? this.writer.add('Gather', [constant, this.picker.numbers]) : constant;
  }

  /** Gives each row the dims of the weight's (its groups split), cut down from `padded` elements. */
  shaped(codes: string, padded: number, form: StorageForm, output?: string): string {
    const { writer, weight } = this;
    const dims = splitDims(weight).slice(1);
    const length = elements(dims);
    if (padded === length) return this.reshape(codes, dims, output);
    const rank = this.picker ? this.picker.rank : 1;
    const flat = this.reshape(codes, [padded]);
    // An axis counted from the end is not allowed before opset 10; there the rank is known, or no rows are picked.
    const cut = addSlice(writer, flat, rank ?? -1, length, form);
    return dims.length === 1 && output === undefined ? cut : this.reshape(cut, dims, output);
  }

  /** Gives each row the weight's own dims. */
  whole(values: string, output?: string): string {
    return this.reshape(values, this.weight.shape.slice(1), output);
  }

  private reshape(from: string, dims: number[], output?: string): string {
    const { writer, weight, picker } = this;
    const shape = !picker
      ? writer.int64s([elements(weight.shape) / elements(dims), ...dims])
      : picker.rank === null
        ? writer.add('Concat', [writer.add('Shape', [picker.numbers]), writer.int64s(dims)], { axis: 0 })
        : writer.int64s([...new Array<number>(picker.rank).fill(0), ...dims]);
    return writer.add('Reshape', [from, shape], {}, output);
  }
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
  const codes = writer.raw(DataType.INT8, splitDims(weight), elements(weight.shape), bytes, own);
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
  const count = elements(weight.shape);
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

/** Cuts the padding off. @param axis the last one: -1 where its number is not known */
function addSlice(writer: UnpackWriter, input: string, axis: number, end: number, form: StorageForm): string {
  if (form.opset < 10) {
    const output = writer.next();
    writer.cut(input, output, axis, end);
    return output;
  }
  const inputs = [input, writer.shared(ZERO, form.shared), writer.int64s([end])];
  return writer.add('Slice', axis === 0 ? inputs : [...inputs, writer.int64s([axis])]);
}

/** codes * scale, in the weight's own type. One rounding: fround(code * scale). */
function scaling(writer: UnpackWriter, weight: StoredWeight, form: StorageForm, content: WeightContent) {
  const dims = scaleDims(weight);
  const half = form.scaleType === 'float16';
  const scales = writer.raw(
    half ? DataType.FLOAT16 : DataType.FLOAT,
    dims,
    elements(dims) * (half ? 2 : 4),
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

/** @throws RangeError for a scale that float16 cannot hold, where it should */
export function scaleBytes(scales: Float32Array, half: boolean, tensor: string): Uint8Array {
  if (!half) return littleEndian(scales);
  for (const scale of scales) {
    if (roundToFloat16(scale) !== scale) {
      throw new RangeError(`Weight ${tensor}: scale ${scale} is not a float16 number.`);
    }
  }
  return halfBytes(scales, tensor);
}

function halfBytes(values: Float32Array, tensor: string): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const bits = toFloat16Bits(values[i]);
    if ((bits & 0x7fff) === 0x7c00) {
      throw new RangeError(
        `Weight ${tensor} holds ${values[i]}, which float16 cannot: give it 32 or at most 8 bits.`,
      );
    }
    bytes[2 * i] = bits & 0xff;
    bytes[2 * i + 1] = bits >>> 8;
  }
  return bytes;
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return bytes;
}

function counter(names: (n: number) => string, first: number): () => string {
  let n = first;
  return () => names(n++);
}
