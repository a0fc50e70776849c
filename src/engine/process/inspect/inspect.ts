/** What a model is made of, without running more of it than what decides between the branches of an If. */
import { create } from '@bufbuild/protobuf';
import { DataError } from '../../../calibration/inputs/errors';
import type { DataSpec } from '../../../calibration/inputs/spec';
import { isTooOld } from '../../../onnx/canonical/canonical';
import { Graph } from '../../../onnx/graph/graph';
import { takeBranches } from '../../../onnx/network/branches';
import { findNetwork } from '../../../onnx/network/functions';
import { planOutputs } from '../../../onnx/network/outputs';
import { recordOf } from '../../../onnx/packing/record';
import { sharesOf } from '../../../onnx/packing/shares';
import { sizeModel } from '../../../onnx/packing/size';
import { externalLocations, externalPath } from '../../../onnx/proto/external';
import { isStandard } from '../../../onnx/proto/attributes';
import { ModelProtoSchema, OperatorSetIdProtoSchema, type ModelProto } from '../../../onnx/proto/onnx_pb';
import { shallowCopy } from '../../../onnx/proto/shallowCopy';
import { keepFloats } from '../../../onnx/qdq/placement';
import type { InspectReply, InspectRequest } from '../../protocol';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { branchesTaken, type Taken } from '../ort/branchesTaken';
import { openModel } from '../ort/openModel';
import { shapesOnData } from './shapesOnData';

/** @throws OnnxError */
export async function inspect(request: InspectRequest, job: Job): Promise<InspectReply> {
  const { model: path, granularity, shapes } = request;
  const opened = await openModel(path, job);
  const { original, read: model } = opened;
  await job.checkpoint();
  job.progress('Finding the functions', 0.3);
  const found = request.branches ? undefined : await findBranches(request, model, job);
  const branches = request.branches ?? found?.branches;
  const notTaken = found && othersOf(request, found);
  const options = { granularity, shapes, branches, notTaken };
  const network = findNetwork(model, options);
  const isRun = request.data && !isTooOld(model);
  const onData = isRun ? await shapesOnData(model, network, options, request.data!, job) : undefined;
  const size = sizeModel(isTooOld(model) ? claimingSeven(model) : model, network, {
    scaleType: 'float32',
    branches,
  });
  // In the file as it is: what lies in a branch of it is left alone there.
  const floatActivations = keepFloats(new Graph(model.graph!), network);
  await job.checkpoint();
  job.progress('Hashing the model', 0.6);
  const { sha256, bytes } = await opened.fingerprint();
  const files = [path];
  for (const location of externalLocations(original)) files.push(await externalPath(path, location));
  const { outputs } = planOutputs(
    takeBranches(model, branches).model,
    network,
    request.outputs ?? request.data?.outputs,
  );
  const shares = sharesOf(model, network, branches);
  const quantized = recordOf(original);
  return {
    network,
    outputs,
    branches,
    ...(onData ? { shapesOnData: onData } : {}),
    floatActivations,
    sha256,
    bytes,
    files,
    size,
    shares,
    ...(quantized ? { quantized } : {}),
  };
}

/** A model too old to be exported is shown all the same; its sizes are those that it would have. */
function claimingSeven(model: ModelProto): ModelProto {
  const others = model.opsetImport.filter(({ domain }) => !isStandard(domain));
  const opset = create(OperatorSetIdProtoSchema, { domain: '', version: 7n });
  return shallowCopy(ModelProtoSchema, model, { opsetImport: [opset, ...others] });
}

/** Who does not take the other branches, where no data of the user's decided. */
function othersOf({ data }: InspectRequest, { numbers }: Taken): string | undefined {
  if (data && data.path !== null) return undefined;
  const given = data?.values ?? {};
  const names = Object.keys(numbers);
  if (names.length === 0) return 'the synthetic input does not reach';
  const values = `${names.map((name) => `${name}=${numbers[name]}`).join(', ')} does not take`;
  const [open] = names.filter((name) => !Object.hasOwn(given, name));
  return open === undefined ? values : `${values} (synthetic input; --value ${open}=NUMBER chooses)`;
}

/** Undefined where there is nothing to decide, or no made-up sample that the model runs on. */
async function findBranches(
  { model: path, shapes, data }: InspectRequest,
  model: ModelProto,
  job: Job,
): Promise<Taken | undefined> {
  if (takeBranches(model).open.length === 0) return undefined;
  if (data) return branchesTaken(path, model, data, job);
  const sample: DataSpec = { path: null, samples: 1, seed: 0, shapes, preprocessing: { preset: 'raw' } };
  try {
    return await branchesTaken(path, model, sample, job);
  } catch (error) {
    if (!(error instanceof EngineFault || error instanceof DataError)) throw error;
    job.log('info', `Which branches ${path} takes is not known without data: ${error.message}`);
    return undefined;
  }
}
