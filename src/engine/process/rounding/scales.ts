/** Scales of weights from the weights alone: what a tool needs that takes encodings. Nothing here loads onnxruntime. */
import { OnnxError } from '../../../common/fileErrors';
import { searchScales } from '../../../core/rounding/scales';
import { networkWeights } from '../../../onnx/packing/size';
import { tensorFinder } from '../../../onnx/packing/weights';
import { readFloats } from '../../../onnx/proto/tensors';
import type { ScalesReply, ScalesRequest } from '../../protocol';
import type { Job } from '../job/job';
import { openNetwork } from '../ort/withModel';
import { gatherRows, storedRows } from './rows';

/** Per output channel the positive scale with the least mean square error (see searchScales). @throws OnnxError, JobCancelled */
export async function scales(
  { model: path, granularity, shapes, branches, bits }: ScalesRequest,
  job: Job,
): Promise<ScalesReply> {
  const { file, network } = await openNetwork(path, { granularity, shapes, branches }, job);
  if (bits.length !== network.functions.length) {
    throw new OnnxError(`${path} has ${network.functions.length} functions, not ${bits.length}.`);
  }
  const find = tensorFinder(file, branches);
  const layers = new Map(network.functions.flatMap((f) => f.layers).map((layer) => [layer.weight, layer]));
  const todo = networkWeights(network).filter(({ owner }) => bits[owner] <= 8);
  const tensors: ScalesReply['tensors'] = [];
  for (const [index, { tensor, owner }] of todo.entries()) {
    await job.checkpoint();
    job.progress(`Finding the scales of ${tensor}`, index / todo.length);
    const rows = storedRows(layers.get(tensor)!);
    const values = gatherRows(await readFloats(find(tensor)!.tensor, path), rows);
    const found = searchScales(values, rows.rows, rows.columns, bits[owner], null, Math.fround);
    tensors.push({ tensor, scales: Float32Array.from(found) });
  }
  return { tensors };
}
