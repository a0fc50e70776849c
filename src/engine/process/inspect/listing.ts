/** Requests of the model listing: the text, and the statistics of one stored tensor. Nothing here loads onnxruntime. */
import { OnnxError } from '../../../common/fileErrors';
import { readModel } from '../../../onnx/files/file';
import { Graph } from '../../../onnx/graph/graph';
import { type Listing, listModel } from '../../../onnx/listing/listing';
import { readFloats } from '../../../onnx/proto/tensors';
import type { ListingRequest, StatisticsReply, StatisticsRequest } from '../../protocol';

export async function listing({ model }: ListingRequest): Promise<Listing> {
  return listModel(await readModel(model));
}

/** @throws OnnxError for a tensor that the file does not hold */
export async function statistics({ model, tensor }: StatisticsRequest): Promise<StatisticsReply> {
  const { graph } = await readModel(model);
  const stored = graph && new Graph(graph).stored(tensor);
  if (!stored) throw new OnnxError(`${model} holds no tensor "${tensor}".`);
  const values = await readFloats(stored, model);
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let squares = 0;
  let zeros = 0;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) zeros++;
    sum += value;
    squares += value * value;
  }
  const count = values.length;
  const mean = sum / Math.max(1, count);
  return {
    count,
    min,
    max,
    mean,
    deviation: Math.sqrt(Math.max(0, squares / Math.max(1, count) - mean * mean)),
    zeros,
  };
}
