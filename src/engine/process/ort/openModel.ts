/** A model as every job on its functions takes it. */
import { canonicalModel } from '../../../onnx/canonical/canonical';
import { OnnxError } from '../../../common/fileErrors';
import { readModel } from '../../../onnx/files/file';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { foldWeights } from './foldWeights';
import type { Job } from '../job/job';

export interface OpenedModel {
  /** As it is on disk. */
  file: ModelProto;
  /** In the form that functions are looked for in (see canonicalModel), computed weights stored. */
  model: ModelProto;
}

/** @throws OnnxError, EngineFault, JobCancelled */
export async function openModel(path: string, job: Job): Promise<OpenedModel> {
  const file = await readModel(path);
  try {
    return { file, model: await foldWeights(canonicalModel(file), path, job) };
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    throw new OnnxError(`${path}: ${error.message}`, { cause: error });
  }
}
