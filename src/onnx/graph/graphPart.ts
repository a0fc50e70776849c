/** A part of a graph that we add: nodes, and constants whose bytes need not exist yet when the part is weighed. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
} from '../proto/onnx_pb';
import { shallowCopy } from '../proto/shallowCopy';

/** A constant tensor: small ones are complete, the bytes of large ones are made when the file is written. */
export interface Constant {
  /** Complete but for rawData where `bytes` > 0. */
  tensor: TensorProto;
  /** Length of rawData. */
  bytes: number;
  fill: (() => Uint8Array) | null;
}

export interface GraphPart {
  constants: Constant[];
  nodes: NodeProto[];
}

/** Where constants go: files of IR version 3 and below list initializers as inputs, so there they become nodes. */
export type ConstantForm = 'initializer' | 'node';

/** A constant whose bytes are made later; `fill` must return exactly `bytes` bytes. */
export function rawConstant(
  name: string,
  dataType: number,
  dims: number[],
  bytes: number,
  fill: () => Uint8Array,
): Constant {
  return { tensor: create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt) }), bytes, fill };
}

/** A small integer constant, as varints: fewer bytes than raw data. */
export function intConstant(name: string, dataType: number, dims: number[], values: number[]): Constant {
  const tensor = create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt) });
  if (dataType === (TensorProto_DataType.INT64 as number)) tensor.int64Data = values.map(BigInt);
  else tensor.int32Data = values;
  return { tensor, bytes: 0, fill: null };
}

/** Bytes that the part adds to a serialized GraphProto. */
export function partBytes(part: GraphPart, form: ConstantForm): number {
  let sum = 0;
  for (const item of part.nodes) sum += fieldBytes(toBinary(NodeProtoSchema, item).length);
  for (const constant of part.constants) sum += constantBytes(constant, form);
  return sum;
}

/** Puts the part in front of a graph's own nodes, bytes included. */
export function partInto(graph: GraphProto, parts: GraphPart[], form: ConstantForm): void {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  for (const part of parts) {
    for (const { tensor, bytes, fill } of part.constants) {
      if (fill) tensor.rawData = fill();
      if (fill && tensor.rawData.length !== bytes) {
        throw new Error(
          `Constant ${tensor.name}: ${tensor.rawData.length} bytes where ${bytes} were expected.`,
        );
      }
      if (form === 'initializer') initializers.push(tensor);
      else nodes.push(constantNode(tensor));
    }
    nodes.push(...part.nodes);
  }
  graph.node = [...nodes, ...graph.node];
  graph.initializer = [...graph.initializer, ...initializers];
}

/** Bytes of a length-delimited field with a one-byte tag. */
export function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

/** Bytes of a TensorProto (without its own tag and length), however long its raw data. */
export function tensorBytes(tensor: TensorProto, rawLength: number): number {
  return toBinary(TensorProtoSchema, tensor).length + (rawLength > 0 ? fieldBytes(rawLength) : 0);
}

function constantBytes({ tensor, bytes }: Constant, form: ConstantForm): number {
  if (form === 'initializer') return fieldBytes(tensorBytes(tensor, bytes));
  // The node names its output, so its tensor carries no name.
  const inner = tensorBytes(unnamed(tensor), bytes);
  const empty = create(TensorProtoSchema);
  const attribute =
    toBinary(AttributeProtoSchema, valueAttribute(empty)).length - fieldBytes(0) + fieldBytes(inner);
  const shell = create(NodeProtoSchema, { opType: 'Constant', output: [tensor.name] });
  return fieldBytes(toBinary(NodeProtoSchema, shell).length + fieldBytes(attribute));
}

function constantNode(tensor: TensorProto): NodeProto {
  return create(NodeProtoSchema, {
    opType: 'Constant',
    output: [tensor.name],
    attribute: [valueAttribute(unnamed(tensor))],
  });
}

function valueAttribute(tensor: TensorProto) {
  return create(AttributeProtoSchema, {
    name: 'value',
    type: AttributeProto_AttributeType.TENSOR,
    t: tensor,
  });
}

function unnamed(tensor: TensorProto): TensorProto {
  return shallowCopy(TensorProtoSchema, tensor, { name: undefined });
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
