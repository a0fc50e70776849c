/** Weights that a model computes from its constants, computed once and stored. */
import { computedWeights, withStored } from '../../../onnx/canonical/computedWeights';
import { tensor } from '../../../onnx/proto/build';
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  type TensorProto,
} from '../../../onnx/proto/onnx_pb';
import type { Job } from '../job/job';
import { compute } from './compute';

/** @param path of the model: external weights are looked up next to it */
export async function foldWeights(model: ModelProto, path: string, job: Job): Promise<ModelProto> {
  const found: TensorProto[] = [];
  for (const name of computedWeights(model)) {
    await job.checkpoint();
    const value = await stored(model, name, path);
    if (value) found.push(value);
  }
  return withStored(model, found);
}

/** Null for types that JavaScript has no numbers for. */
async function stored(model: ModelProto, name: string, path: string): Promise<TensorProto | null> {
  const { type, data, dims } = await compute(model, name, path, { literal: true });
  if (type === 'float32') return tensor(name, dims, data);
  if (type !== 'float16') return null;
  const { buffer, byteOffset, length } = data;
  return tensor(name, dims, new Uint16Array(buffer, byteOffset, length), DataType.FLOAT16);
}
