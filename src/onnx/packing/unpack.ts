/** The nodes that turn one weight's stored form back into the tensor the model's own nodes read. */
import { node } from '../proto/build';
import { roundToFloat16, toFloat16Bits } from '../proto/float16';
import { packPlane, paddedLength, planeBytes, planesOf, type CodeBits } from './planes';
import { intConstant, partBytes, rawConstant, type ConstantForm, type Part } from '../graph/graphPart';
import { TensorProto_DataType as DataType } from '../proto/onnx_pb';
import {
  codesKey,
  fieldsKey,
  FLAT,
  planeDims,
  sharedTensor,
  tableKeys,
  ZERO,
  type SharedKey,
  type SharedName,
} from './tables';

/** A weight tensor of the source file. */
export interface StoredWeight {
  /** The tensor's name in the file: the name under which it is put back. */
  tensor: string;
  shape: number[];
  /** TensorProto.DataType: FLOAT, FLOAT16, BFLOAT16 or DOUBLE. */
  dataType: number;
  /** Axis of the output channels: one scale per index. */
  axis: number;
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

export interface UnpackPart extends Part {
  /** Shared pieces that the part reads. */
  needs: SharedKey[];
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
): UnpackPart {
  const bytes = int8Part(weight, names, form, content, as);
  let best = bytes;
  let least = partBytes(bytes, form.constants) - worthPlanes + 1;
  for (let width = bits; width < 8; width++) {
    const part = planesPart(weight, width as Exclude<CodeBits, 8>, names, form, content, as);
    const size = partBytes(part, form.constants);
    if (size >= least) continue;
    best = part;
    least = size;
  }
  return best;
}

/** Float16 storage of a wider weight ("16 bits"). */
export function halfPart(
  weight: StoredWeight,
  names: (n: number) => string,
  content: WeightContent,
): UnpackPart {
  const count = elements(weight.shape);
  return {
    constants: [
      rawConstant(names(0), DataType.FLOAT16, weight.shape, 2 * count, () =>
        halfBytes(content.values(), weight.tensor),
      ),
    ],
    nodes: [node('Cast', [names(0)], [weight.tensor], { to: weight.dataType })],
    needs: [],
  };
}

/** Whether 16 bits means anything for a tensor of this type: it must be wider. */
export function isWiderThanHalf(dataType: number): boolean {
  return ([DataType.FLOAT, DataType.DOUBLE] as number[]).includes(dataType);
}

/** Number of elements of a shape. */
export function elements(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function int8Part(
  weight: StoredWeight,
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
  as: UnpackedAs,
): UnpackPart {
  const count = elements(weight.shape);
  const codes = as === 'codes' ? codesName(names) : names(0);
  const part: UnpackPart = {
    constants: [
      rawConstant(codes, DataType.INT8, weight.shape, count, () => {
        const { buffer, byteOffset, length } = content.codes();
        return new Uint8Array(buffer, byteOffset, length);
      }),
    ],
    nodes: [],
    needs: [],
  };
  if (as === 'codes') return part;
  part.nodes.push(node('Cast', [codes], [names(1)], { to: DataType.FLOAT }));
  addScale(part, weight, names(1), counter(names, 2), form, content);
  return part;
}

function planesPart(
  weight: StoredWeight,
  bits: Exclude<CodeBits, 8>,
  names: (n: number) => string,
  form: StorageForm,
  content: WeightContent,
  as: UnpackedAs,
): UnpackPart {
  const next = counter(names, 0);
  const part: UnpackPart = { constants: [], nodes: [], needs: tableKeys(bits) };
  const count = elements(weight.shape);
  const add = (op: string, inputs: string[], attributes: Record<string, number> = {}, output = next()) => {
    part.nodes.push(node(op, inputs, [output], attributes));
    return output;
  };
  // A byte of the top plane, and above it the lower planes' fields of the same codes: one index into the code table.
  let index = '';
  for (const plane of planesOf(bits)) {
    const packed = next();
    const length = planeBytes(count, plane);
    const dims = planeDims(bits, plane, length);
    part.constants.push(
      rawConstant(packed, DataType.UINT8, dims, length, () => packPlane(content.codes(), plane)),
    );
    const bytes = add('Cast', [packed], { to: DataType.INT32 });
    if (plane.signed) index = bytes;
    else
      index = add('Add', [index, add('Gather', [sharedTensor(fieldsKey(bits, plane), form.shared), bytes])]);
  }
  let codes = add('Gather', [sharedTensor(codesKey(bits), form.shared), index]);
  if (paddedLength(count) !== count) {
    const flat = add('Reshape', [codes, sharedTensor(FLAT, form.shared)]);
    part.needs.push(FLAT);
    codes = addSlice(part, flat, count, next, form);
  }
  const shape = next();
  part.constants.push(intConstant(shape, DataType.INT64, [weight.shape.length], weight.shape));
  if (as === 'codes') {
    add('Reshape', [codes, shape], {}, codesName(names));
    return part;
  }
  const floats = add('Cast', [add('Reshape', [codes, shape])], { to: DataType.FLOAT });
  addScale(part, weight, floats, next, form, content);
  return part;
}

/** Cuts the padding off. */
function addSlice(
  part: UnpackPart,
  input: string,
  count: number,
  next: () => string,
  form: StorageForm,
): string {
  if (form.opset < 10) {
    const output = next();
    part.nodes.push(node('Slice', [input], [output], { starts: [0], ends: [count] }));
    return output;
  }
  const ends = next();
  const output = next();
  part.constants.push(intConstant(ends, DataType.INT64, [1], [count]));
  part.nodes.push(node('Slice', [input, sharedTensor(ZERO, form.shared), ends], [output]));
  part.needs.push(ZERO);
  return output;
}

/** floats * scale, in the weight's own type and under its own name. One rounding: fround(code * scale). */
function addScale(
  part: UnpackPart,
  weight: StoredWeight,
  floats: string,
  next: () => string,
  form: StorageForm,
  content: WeightContent,
): void {
  const channels = weight.shape[weight.axis];
  const dims = [channels, ...weight.shape.slice(weight.axis + 1).map(() => 1)];
  let scale = next();
  const half = form.scaleType === 'float16';
  part.constants.push(
    rawConstant(scale, half ? DataType.FLOAT16 : DataType.FLOAT, dims, channels * (half ? 2 : 4), () =>
      scaleBytes(content.scales(), half, weight.tensor),
    ),
  );
  if (half) {
    const wide = next();
    part.nodes.push(node('Cast', [scale], [wide], { to: DataType.FLOAT }));
    scale = wide;
  }
  const plain = weight.dataType === (DataType.FLOAT as number);
  const product = plain ? weight.tensor : next();
  part.nodes.push(node('Mul', [floats, scale], [product]));
  if (!plain) part.nodes.push(node('Cast', [product], [weight.tensor], { to: weight.dataType }));
}

function scaleBytes(scales: Float32Array, half: boolean, tensor: string): Uint8Array {
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
