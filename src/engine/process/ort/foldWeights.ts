/** Weights that a model computes from its constants, computed once and stored. */
import { create } from '@bufbuild/protobuf';
import { weightsFolder } from '../../../onnx/proto/external';
import { tensor } from '../../../onnx/proto/build';
import { computedWeights, withStored } from '../../../onnx/canonical/computedWeights';
import {
  TensorProto_DataType as DataType,
  ValueInfoProtoSchema,
  type ModelProto,
  type TensorProto,
} from '../../../onnx/proto/onnx_pb';
import { serialize, withGraph } from '../../../onnx/graph/subgraph';
import type { Job } from '../job/job';
import { neededFor } from '../../../onnx/graph/subgraph';
import { Session } from './session';

/** @param path of the model: external weights are looked up next to it */
export async function foldWeights(model: ModelProto, path: string, job: Job): Promise<ModelProto> {
  const stored: TensorProto[] = [];
  for (const name of computedWeights(model)) {
    await job.checkpoint();
    const value = await compute(model, name, path);
    if (value) stored.push(value);
  }
  return withStored(model, stored);
}

/** Null for types that JavaScript has no numbers for. */
async function compute(model: ModelProto, name: string, path: string): Promise<TensorProto | null> {
  const { nodes, tensors } = neededFor(model.graph!, [name]);
  const part = withGraph(model, {
    node: nodes,
    initializer: model.graph!.initializer.filter((each) => tensors.has(each.name)),
    input: [],
    // Without a type: ONNX Runtime infers it.
    output: [create(ValueInfoProtoSchema, { name })],
    valueInfo: [],
  });
  const session = await Session.open(serialize(part), {
    provider: 'cpu',
    folder: weightsFolder(path),
    model: path,
    literal: true,
  });
  try {
    const { type, data, dims } = (await session.runTensors({}))[name];
    if (type === 'float32') return tensor(name, dims, data);
    if (type !== 'float16') return null;
    const { buffer, byteOffset, length } = data;
    return tensor(name, dims, new Uint16Array(buffer, byteOffset, length), DataType.FLOAT16);
  } finally {
    await session.close();
  }
}
