/** One model, or two side by side, over a set of samples: accuracy, agreement, noise. */
import { basename } from 'node:path';
import type { Dataset } from '../../../calibration/inputs/dataset';
import type { DataSpec } from '../../../calibration/inputs/spec';
import { bytesOnDisk, readModel } from '../../../onnx/files/file';
import { lifted } from '../../../onnx/canonical/canonical';
import { isRandom, seeded } from '../../../onnx/graph/seeded';
import { returning, serialize } from '../../../onnx/graph/subgraph';
import { common, comparedNames } from '../../../onnx/network/compared';
import { findNetwork } from '../../../onnx/network/functions';
import type { Network } from '../../../onnx/network/network';
import { type OutputPlan, planOutputs } from '../../../onnx/network/outputs';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto } from '../../../onnx/proto/onnx_pb';
import type { EvaluateReply, EvaluateRequest } from '../../protocol';
import { outcome } from '../../tally';
import { type AdaptiveSession, Devices } from '../devices/adaptiveSession';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { limitWarnings } from '../ort/memory';
import { withDataset } from '../ort/withModel';
import { blockLimit } from './blockSize';
import { inLine, layerBlock, layerNoise } from './layerNoise';
import { Pass } from './pass';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function evaluate(request: EvaluateRequest, job: Job): Promise<EvaluateReply> {
  job.progress('Reading the models', 0);
  const paths = request.other === null ? [request.model] : [request.model, request.other];
  const models: ModelProto[] = [];
  // As they are in their files; both draw the same where they draw random numbers.
  for (const each of paths) models.push(seeded(lifted(await readModel(each))));
  const network = findNetwork(models[0], { granularity: 'layer', shapes: request.data.shapes });
  return withDataset(
    request.data,
    network,
    job,
    (dataset) => evaluateOn(dataset, { request, paths, models, network, job }),
    request.allSamples ? { order: 'all' } : {},
  );
}

interface Work {
  request: EvaluateRequest;
  paths: string[];
  models: ModelProto[];
  network: Network;
  job: Job;
}

async function evaluateOn(
  dataset: Dataset,
  { request, paths, models, network, job }: Work,
): Promise<EvaluateReply> {
  const start = performance.now();
  const { data, shard } = request;
  const tight = limitWarnings(request.memoryLimit ?? 0);
  const { plan, warnings } = comparedBy(models, paths, network, data);
  const looksInside = request.perLayer && models.length > 1;
  const sessions: AdaptiveSession[] = [];
  try {
    const devices = await Devices.open(request.provider ?? 'cpu', job);
    for (const [i, model] of models.entries()) {
      const at = paths[i];
      const bytes = () => serialize(returning(model, comparedNames(plan)));
      sessions.push(devices.session({ bytes, folder: weightsFolder(at), model: at }));
    }
    const most = blockLimit(request, models, network, dataset);
    const isDrawn = models.some(isRandom);
    const compared = { network, plan, isRandom: isDrawn };
    const pass = new Pass(dataset, compared, paths, most, job, looksInside ? 0.8 : 1);
    await pass.run(sessions, shard ?? { index: 0, count: 1 });
    const layers = looksInside
      ? await layerNoise(
          await inLine(models, request, job),
          paths,
          data,
          dataset,
          layerBlock(dataset, network, pass.blockSize),
          job,
        )
      : null;
    const sizes = await Promise.all(paths.map((each, i) => bytesOnDisk(each, models[i])));
    const described = paths.map((each, i) => ({ path: each, bytes: sizes[i] }));
    return {
      ...outcome(pass.tallies, described, pass.plan),
      provider: devices.label,
      ...(shard ? { tallies: pass.tallies, plan: pass.plan } : {}),
      blockSize: pass.blockSize,
      layers,
      seconds: Math.round(performance.now() - start) / 1000,
      synthetic: dataset.synthetic,
      dataDescription: dataset.description,
      preparation: dataset.preparation,
      warnings: [...tight, ...warnings, ...dataset.warnings, ...devices.warnings, ...pass.warnings],
    };
  } finally {
    for (const session of sessions) await session.close();
  }
}

/**
 * What the models are compared by, told by the first of them.
 * @throws EngineFault where they have nothing in common
 */
function comparedBy(
  models: readonly ModelProto[],
  paths: readonly string[],
  network: Network,
  { outputs }: DataSpec,
): { plan: OutputPlan; warnings: string[] } {
  const found = planOutputs(models[0], network, outputs);
  const { plan, missing } = models.length < 2 ? { plan: found, missing: [] } : common(found, models[1]);
  if (models.length > 1 && plan.compared.length === 0) {
    const [a, b] = paths.map((path) => basename(path));
    throw new EngineFault(
      missing.length > 0
        ? `${a} and ${b} have no output in common; compare a model with its quantized version.`
        : `${a} has no output that could be compared: ${found.outputs.map(({ name, reason }) => `"${name}": ${reason}`).join('; ')}.`,
    );
  }
  const names = missing.map((name) => `"${name}"`).join(', ');
  const warnings =
    missing.length > 0 ? [`Not compared, since ${basename(paths[1])} does not make it: ${names}.`] : [];
  return { plan, warnings };
}
