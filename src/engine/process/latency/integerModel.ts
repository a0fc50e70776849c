/** The network as integer kernels run it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OnnxError } from '../../../common/fileErrors';
import { draftModel } from '../../../onnx/files/save';
import { Graph } from '../../../onnx/graph/graph';
import type { Branches, Network } from '../../../onnx/network/network';
import { type Expected, fakeQuantized } from '../../../onnx/packing/fakeQuantize';
import { quantizeModel } from '../../../onnx/packing/quantizeModel';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { placeActivations, type Placement } from '../../../onnx/qdq/placement';
import { widestPerWeight } from '../../../onnx/qdq/widestCodes';
import { planActivations } from '../export/activations';
import { type Job } from '../job/job';
import { type Feeds } from '../ort/session';
import { roundNetwork } from '../rounding/roundNetwork';

interface Source {
  /** As the user has it. */
  file: ModelProto;
  /** With its branches in line. */
  model: ModelProto;
  branches: Branches | undefined;
  path: string;
  network: Network;
  feeds: Feeds;
  scratch: string;
  job: Job;
}

/** The file that an export with 8-bit weights and activations writes; null: no layer has an integer kernel. */
export async function integerModel(
  { file, model, branches, path, network, feeds, scratch, job }: Source,
  warnings: string[],
): Promise<string | null> {
  const bits = network.functions.map(() => 8);
  let placement: Placement;
  try {
    placement = placeActivations(new Graph(file.graph!), network, bits, 8);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    warnings.push(`Integer kernels are not timed, floats stand for them. ${error.message}`);
    return null;
  }
  const storages = await roundNetwork({
    network,
    path,
    bits,
    widest: widestPerWeight(placement),
    method: 'nearest',
    roundScale: Math.fround,
    job,
    model,
    inputs: [],
    onProgress: () => undefined,
  });
  const expected: Expected = { model: file, path, network, storages, branches };
  // One sample will do: only where a range begins at 0, ONNX Runtime drops the Relu before it.
  const choice = { bits: 8 as const, range: 'minmax' as const };
  const activations = await planActivations(placement, choice, expected, {
    model: fakeQuantized({ ...expected, model, branches: undefined }),
    path,
    blocks: async function* () {
      yield await Promise.resolve(feeds);
    },
    blockCount: 1,
    memory: Infinity,
    job,
    onProgress: () => undefined,
  });
  const quantized = quantizeModel(file, storages, { scaleType: 'float32', branches, activations });
  const folder = join(scratch, 'integer');
  await mkdir(folder);
  const draft = await draftModel(join(folder, 'model.onnx'), quantized, path);
  try {
    await draft.commit();
  } finally {
    await draft.discard();
  }
  return join(folder, 'model.onnx');
}
