/** How every job begins: the model in the form that functions are looked for in, its network, the branches that the data take, the data. */
import { basename } from 'node:path';
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { OpenOptions } from '../../../calibration/inputs/source';
import type { DataSpec } from '../../../calibration/inputs/spec';
import { dataFingerprint } from '../../../calibration/dataFingerprint';
import { openDataset } from '../../../calibration/open';
import { DecodedPictures } from '../../../calibration/pictures/decodedPictures';
import { canonical } from '../../../common/canonical';
import { OnnxError } from '../../../common/fileErrors';
import { isTooOld } from '../../../onnx/canonical/canonical';
import { NEWEST_OPSET } from '../../../onnx/canonical/opsets';
import { seeded } from '../../../onnx/graph/seeded';
import { takeBranches } from '../../../onnx/network/branches';
import { findNetwork, type NetworkOptions } from '../../../onnx/network/functions';
import type { Granularity, Network } from '../../../onnx/network/network';
import { opsetOf } from '../../../onnx/proto/attributes';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { EngineFault } from '../job/faults';
import type { Job } from '../job/job';
import { openModel, type ReadModel } from './openModel';

/** Where reading samples begins on the progress bar. */
export const DATA_STEP = 0.02;

/** Beyond, it takes longer to see whether any file of the data has changed than to read some samples again. */
const MOST_FILES = 4096;

export interface OpenedNetwork extends Pick<ReadModel, 'fingerprint'> {
  original: ModelProto;
  /** As functions are looked for in it. */
  read: ModelProto;
  /** `read`, prepared for what the job is about. */
  file: ModelProto;
  network: Network;
}

export interface OpenedModel extends OpenedNetwork {
  /** What is run: `file` with the branches of Ifs in line, drawing the same numbers in every run. */
  model: ModelProto;
  dataset: Dataset;
}

/**
 * @param prepare what is done to the file before functions are looked for
 * @throws OnnxError, JobCancelled; EngineFault where there is no layer
 */
export async function openNetwork(
  path: string,
  options: NetworkOptions,
  job: Job,
  prepare = (file: ModelProto): ModelProto => file,
): Promise<OpenedNetwork> {
  const { original, read, fingerprint } = await openModel(path, job);
  if (isTooOld(read)) {
    throw new OnnxError(
      `${path} uses operator set ${opsetOf(read)}, which ONNX Runtime does not run, and one of its operators has no exact counterpart in a later one; convert the model to operator set 13 or later (onnx.version_converter).`,
    );
  }
  const opset = opsetOf(read);
  if (opset > NEWEST_OPSET) {
    throw new EngineFault(
      `${basename(path)} is of operator set ${opset}, and the ONNX Runtime that comes with OMPQ runs sets up to ${NEWEST_OPSET}: convert the model, for example with onnx.version_converter.`,
    );
  }
  const file = prepare(read);
  const network = findNetwork(file, options);
  if (network.functions.length === 0) {
    throw new EngineFault(`${basename(path)} has no layer that can be quantized.`);
  }
  return { original, read, fingerprint, file, network };
}

interface OpenRequest {
  /** Absolute path. */
  model: string;
  granularity: Granularity;
  data: DataSpec;
}

/** The data are closed when `work` is done, however it ends. @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function withModel<T>(
  { model: path, granularity, data }: OpenRequest,
  job: Job,
  work: (opened: OpenedModel) => Promise<T>,
  { prepare, ...options }: Omit<OpenOptions, 'signal'> & { prepare?: (file: ModelProto) => ModelProto } = {},
): Promise<T> {
  const { branches, shapes } = data;
  const opened = await openNetwork(path, { granularity, shapes, branches }, job, prepare);
  const model = seeded(takeBranches(opened.file, branches).model);
  job.progress('Reading samples', DATA_STEP);
  const run = (dataset: Dataset) => work({ ...opened, model, dataset });
  return withKeptDataset(data, opened.network, job, run, options);
}

/** What was decoded of the data of the last job. */
let known: { identity: string; decoded: DecodedPictures } | null = null;

/** As withDataset, for work after which more will be asked of the same samples: they are decoded once. */
export async function withKeptDataset<T>(
  data: DataSpec,
  network: Network,
  job: Job,
  work: (dataset: Dataset) => Promise<T>,
  options: Omit<OpenOptions, 'signal'> = {},
): Promise<T> {
  const identity = await identityOf(data, network, job);
  if (identity === undefined) return withDataset(data, network, job, work, options);
  if (known?.identity !== identity) known = { identity, decoded: new DecodedPictures() };
  const { decoded } = known;
  return withDataset(data, network, job, (dataset) => work({ ...dataset, identity }), {
    ...options,
    decoded,
  });
}

/** Equal for data that give the same samples, however many: those of a smaller number are the first of a larger one. */
async function identityOf(data: DataSpec, { inputs }: Network, job: Job): Promise<string | undefined> {
  const { samples, branches: _b, outputs: _o, classes: _c, ...rest } = data;
  const content = await dataFingerprint(data.path, job.signal, MOST_FILES);
  return content === null ? undefined : canonical([content, rest, samples === Infinity, inputs]);
}

/** @throws DataError, JobCancelled */
export async function withDataset<T>(
  data: DataSpec,
  { inputs }: Network,
  job: Job,
  work: (dataset: Dataset) => Promise<T>,
  options: Omit<OpenOptions, 'signal'> = {},
): Promise<T> {
  const dataset = await openDataset(data, inputs, { signal: job.signal, ...options });
  try {
    return await work(dataset);
  } finally {
    await dataset.close();
  }
}
