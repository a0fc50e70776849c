/** Little programs of our own for ONNX Runtime. */
import { create } from '@bufbuild/protobuf';
import { type GraphProto, GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../proto/onnx_pb';

/** Old enough for every ONNX Runtime that is around, and new enough for axes as inputs. */
const OPSET = 17n;
const IR_VERSION = 8n;

export function smallModel(
  name: string,
  graph: Pick<GraphProto, 'node' | 'input' | 'output'> & Partial<Pick<GraphProto, 'initializer'>>,
): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: create(GraphProtoSchema, { name, ...graph }),
  });
}
