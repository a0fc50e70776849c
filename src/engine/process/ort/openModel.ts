/** A model as jobs begin with it, read and hashed once for all jobs on it: a quantize inspects, scores, measures noise and compares. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OnnxError } from '../../../common/fileErrors';
import { canonicalModel } from '../../../onnx/canonical/canonical';
import { fingerprint, type Fingerprint, readModel } from '../../../onnx/files/file';
import { allTensors, externalLocations, externalPath, weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import type { Job } from '../job/job';
import { span } from '../job/trace';
import { foldWeights } from './foldWeights';

/** Other jobs get the same objects, so none changes them: edits are made in shallow copies. */
export interface ReadModel {
  /** As it is on disk. */
  original: ModelProto;
  /** In the form that functions are looked for in (see canonicalModel), computed weights stored. */
  read: ModelProto;
  /** Of the files that it was read from. @throws OnnxError */
  fingerprint: () => Promise<Fingerprint>;
}

/** Bytes of a model that stays for the next job, at most. */
const KEPT_BYTES = 512e6;

/** The model of the last job. */
let kept: { path: string; files: string[]; stamp: string; model: ReadModel } | null = null;

/** @throws OnnxError, EngineFault, JobCancelled */
export async function openModel(path: string, job: Job): Promise<ReadModel> {
  job.progress('Reading the model', 0);
  if (kept?.path === path && (await stampOf(kept.files)) === kept.stamp) return kept.model;
  kept = null;
  // Taken before anything is read, so that a change meanwhile is a change.
  const stamp = await stampOf([path]);
  const original = await span('read', () => readModel(path), path);
  const files = await externalFiles(path, original);
  const stamps = files && `${stamp}${await stampOf(files)}`;
  const model = {
    original,
    read: await canonical(original, path, job),
    fingerprint: hashedOnce(path, original),
  };
  if (files && stamps && bytesOf(model) <= KEPT_BYTES) {
    kept = { path, files: [path, ...files], stamp: stamps, model };
  }
  return model;
}

async function canonical(original: ModelProto, path: string, job: Job): Promise<ModelProto> {
  try {
    return await foldWeights(canonicalModel(original), path, job);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    throw new OnnxError(`${path}: ${error.message}`, { cause: error });
  }
}

function hashedOnce(path: string, model: ModelProto): () => Promise<Fingerprint> {
  let hashed: Fingerprint | null = null;
  return async () => (hashed ??= await span('hash', () => fingerprint(path, model), path));
}

/** Null where it is not sure which ones the model's weights lie in: one is missing, or behind a link. */
async function externalFiles(path: string, model: ModelProto): Promise<string[] | null> {
  if (weightsFolder(path) !== dirname(path)) return null;
  try {
    return await Promise.all(externalLocations(model).map((location) => externalPath(path, location)));
  } catch {
    return null;
  }
}

/** Changes with every one of the files: the change time can be set back by no tool. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (file) => {
    const { size, mtimeNs, ctimeNs, ino } = await stat(file, { bigint: true });
    return `${size} ${mtimeNs} ${ctimeNs} ${ino};`;
  });
  return (await Promise.all(stamps).catch(() => ['gone'])).join('');
}

/** Of the tensors inside; what the two forms share counts once. */
function bytesOf({ original, read }: ReadModel): number {
  const stored = new Set([...allTensors(original), ...allTensors(read)]);
  return [...stored].reduce((sum, { rawData, floatData }) => sum + rawData.length + 8 * floatData.length, 0);
}
