/** What a model is made of, without running it. */
import { externalLocations, externalPath } from '../onnx/external';
import { fingerprint, readModel } from '../onnx/file';
import { findNetwork } from '../onnx/functions';
import { sizeModel } from '../onnx/size';
import type { Job } from './job';
import type { InspectReply, InspectRequest } from './protocol';

/** @throws OnnxError */
export async function inspect(request: InspectRequest, job: Job): Promise<InspectReply> {
  const { model: path, granularity, shapes } = request;
  job.progress('Reading the model', 0);
  const model = await readModel(path);
  await job.checkpoint();
  job.progress('Finding the functions', 0.3);
  const network = findNetwork(model, { granularity, shapes });
  const size = sizeModel(model, network);
  await job.checkpoint();
  job.progress('Hashing the model', 0.6);
  const { sha256, bytes } = await fingerprint(path, model);
  const files = [path];
  for (const location of externalLocations(model)) files.push(await externalPath(path, location));
  return { network, sha256, bytes, files, size };
}
