/** Writes the nodes that unpack one weight: once for itself, and once for each node that picks rows of it. */
import { type GraphPart, intConstant, rawConstant } from '../graph/graphPart';
import { node } from '../proto/build';
import { TensorProto_DataType as DataType, type NodeProto } from '../proto/onnx_pb';
import type { RowPicker, WeightReaders } from './rowPickers';
import { splitDims, type StorageForm, type StoredWeight } from './storedWeight';
import { product } from '../proto/dims';
import { type SharedKey, type SharedName, sharedTensor, ZERO } from './tables';

export interface UnpackPart extends GraphPart {
  /** Shared pieces that the part reads. */
  needs: SharedKey[];
  /** What takes the place of nodes that pick rows of the weight: rows are picked packed, and only those unpacked. */
  picked: Map<NodeProto, NodeProto[]>;
}

/** The nodes of one part as they are written: those of the part itself, or those in the place of a node that picks rows. */
export class UnpackWriter {
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
export class Rows {
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
    const length = product(dims);
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
      ? writer.int64s([product(weight.shape) / product(dims), ...dims])
      : picker.rank === null
        ? writer.add('Concat', [writer.add('Shape', [picker.numbers]), writer.int64s(dims)], { axis: 0 })
        : writer.int64s([...new Array<number>(picker.rank).fill(0), ...dims]);
    return writer.add('Reshape', [from, shape], {}, output);
  }
}

/** Cuts the padding off. @param axis the last one: -1 where its number is not known */
export function addSlice(
  writer: UnpackWriter,
  input: string,
  axis: number,
  end: number,
  form: StorageForm,
): string {
  if (form.opset < 10) {
    const output = writer.next();
    writer.cut(input, output, axis, end);
    return output;
  }
  const inputs = [input, writer.shared(ZERO, form.shared), writer.int64s([end])];
  return writer.add('Slice', axis === 0 ? inputs : [...inputs, writer.int64s([axis])]);
}
