import { create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../../src/onnx/proto/onnx_pb';

/** A body for If, Loop and Scan. */
export function graphBody(
  name: string,
  nodes: NodeProto[],
  inputs: ValueInfoProto[],
  outputs: ValueInfoProto[],
  initializers: TensorProto[] = [],
): GraphProto {
  return create(GraphProtoSchema, {
    name,
    node: nodes,
    input: inputs,
    output: outputs,
    initializer: initializers,
  });
}
