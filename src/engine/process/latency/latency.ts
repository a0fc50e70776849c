/** How long ONNX Runtime takes: the whole network in floats and as an export with integer kernels, by function. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from '../../../onnx/graph/subgraph';
import { takeBranches } from '../../../onnx/network/branches';
import type { Network } from '../../../onnx/network/network';
import type { LatencyReply, LatencyRequest } from '../../protocol';
import { type Job } from '../job/job';
import { limitOf } from '../ort/memory';
import { fixedBatch, padded, Samples } from '../ort/samples';
import { deviceLabel, onnxRuntime } from '../ort/session';
import { type OpenedModel, withModel } from '../ort/withModel';
import { integerModel } from './integerModel';
import { ownersOf, tagLayers } from './owners';
import { timed, type Times } from './timing';

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function latency(request: LatencyRequest, job: Job): Promise<LatencyReply> {
  const data = { ...request.data, samples: 1 };
  const scratch = await mkdtemp(join(tmpdir(), 'ompq-latency-'));
  try {
    return await withModel(
      { ...request, data },
      job,
      (opened) => timeFunctions(request, opened, scratch, job),
      {
        atMost: true,
      },
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function timeFunctions(
  { model: path, data: { branches }, memoryLimit, runs }: LatencyRequest,
  { file: untagged, network, dataset }: OpenedModel,
  scratch: string,
  job: Job,
): Promise<LatencyReply> {
  const file = tagLayers(untagged);
  const { model } = takeBranches(file, branches);
  const owners = ownersOf(network, model);
  const samples = await Samples.open(dataset, limitOf(memoryLimit) / 8, job, () => undefined);
  // A model that fixes how many samples it takes gets so many: a sample's share counts.
  const batch = fixedBatch(network.inputs, samples.batchAxes) ?? 1;
  const feeds = await samples.take(padded([0], batch));
  const warnings = [...dataset.warnings];
  job.progress('Rounding weights', 0.1);
  const integerFile = await integerModel(
    { file, model, branches, path, network, feeds, scratch, job },
    warnings,
  );
  const networks = [
    { bytes: serialize(file), path },
    ...(integerFile ? [{ bytes: await readFile(integerFile), path: integerFile }] : []),
  ];
  const timing = { feeds, batch, runs, scratch, owners, job };
  const [float, integer = float] = await timed(networks, timing);
  const ort = await onnxRuntime();
  return {
    ...tableOf(network, float, integer),
    whole: rounded(float.whole),
    device: `${deviceLabel('cpu')}, ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    runtime: `ONNX Runtime ${ort.env.versions.node ?? ort.env.versions.common}`,
    runs,
    warnings,
  };
}

/**
 * The table has one rest for every width: the smaller one of both networks. What the other has more of is shared out over
 * its functions, so that rest and functions make up each whole.
 */
function tableOf(
  { functions }: Network,
  float: Times,
  integer: Times,
): Pick<LatencyReply, 'functions' | 'rest'> {
  // Layers in branches stay floats, and so may be missing in the profile of integers.
  const floats = functions.map((_, i) => float.functions.get(i) ?? 0);
  const integers = functions.map((_, i) => integer.functions.get(i) ?? floats[i]);
  const sums = { float: sum(floats), integer: sum(integers) };
  const rest = Math.max(0, Math.min(float.whole - sums.float, integer.whole - sums.integer));
  const scaled = (time: number, whole: number, all: number) =>
    all > 0 ? rounded((time * (whole - rest)) / all) : 0;
  return {
    functions: Object.fromEntries(
      functions.map(({ name }, i) => [
        name,
        {
          8: scaled(integers[i], integer.whole, sums.integer),
          32: scaled(floats[i], float.whole, sums.float),
        },
      ]),
    ),
    rest: rounded(rest),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function rounded(milliseconds: number): number {
  return Number(milliseconds.toPrecision(4));
}
