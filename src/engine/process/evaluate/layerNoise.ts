/** How far every function's output is from that of the other model. */
import { create } from '@bufbuild/protobuf';
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { DataSpec } from '../../../calibration/inputs/spec';
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { Likeness } from '../../../core/metrics';
import { serialize, withGraph } from '../../../onnx/graph/subgraph';
import { takeBranches } from '../../../onnx/network/branches';
import { findNetwork } from '../../../onnx/network/functions';
import type { Network } from '../../../onnx/network/network';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto, ValueInfoProtoSchema } from '../../../onnx/proto/onnx_pb';
import type { EvaluateReply, EvaluateRequest } from '../../protocol';
import { type Job } from '../job/job';
import { branchesTaken } from '../ort/branchesTaken';
import { fixedBatch } from '../ort/samples';
import { Session } from '../ort/session';

/** Samples that the noise of inner layers is measured on, and how many at a time: all their outputs are held. */
const LAYER_SAMPLES = 64;
const LAYER_BLOCK = 4;

function open(path: string, model: ModelProto): Promise<Session> {
  return Session.open(serialize(model), { provider: 'cpu', folder: weightsFolder(path), model: path });
}

export function layerBlock({ batchAxes }: Dataset, { inputs }: Network, size: number): number {
  return fixedBatch(inputs, batchAxes) === null ? Math.min(size, LAYER_BLOCK) : size;
}

/** The models with the branches in line that the samples take in the first one. */
export async function inLine(
  models: readonly ModelProto[],
  { model: path, data }: EvaluateRequest,
  job: Job,
): Promise<ModelProto[]> {
  const branches = data.branches ?? (await branchesTaken(path, models[0], data, job)).branches;
  return models.map((model) => takeBranches(model, branches).model);
}

/** SQNR and cosine of every function's output between the two models, on the first samples. */
export async function layerNoise(
  models: readonly ModelProto[],
  paths: readonly string[],
  { shapes }: DataSpec,
  dataset: Dataset,
  size: number,
  job: Job,
): Promise<EvaluateReply['layers']> {
  const network = findNetwork(models[0], { granularity: 'layer', shapes });
  const names = [...new Set(network.functions.map(({ output }) => output))];
  const made = new Set(models[1].graph!.node.flatMap(({ output }) => output));
  const shared = names.filter((name) => made.has(name));
  // Nothing has weights to compare where the first model is a quantized one already.
  if (shared.length === 0) return [];
  const noise = new Map(shared.map((name) => [name, new Likeness()]));
  const sessions: Session[] = [];
  try {
    for (const [i, model] of models.entries()) {
      const output = shared.map((name) => create(ValueInfoProtoSchema, { name }));
      sessions.push(await open(paths[i], withGraph(model, { output })));
    }
    const last = Math.min(dataset.size, Math.max(size, LAYER_SAMPLES));
    for (let from = 0; from + size <= last || from === 0; from += size) {
      await job.checkpoint();
      job.progress('Looking into the layers', 0.8 + (0.2 * from) / last);
      const feeds = await dataset.read(from, Math.min(size, last));
      const [reference, other] = [await sessions[0].runTensors(feeds), await sessions[1].runTensors(feeds)];
      for (const [name, likeness] of noise) {
        const [a, b] = [reference[name], other[name]];
        // Their sizes depend on the data: nothing says which values belong together.
        if (a.dims.join() !== b.dims.join()) noise.delete(name);
        else likeness.add(numbers(a), numbers(b));
      }
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  return network.functions.flatMap(({ name, output }) => {
    const found = noise.get(output);
    return found ? [{ name, sqnrDb: found.sqnrDb, cosine: found.cosine }] : [];
  });
}
