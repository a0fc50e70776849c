/** How long ONNX Runtime takes: the whole network in floats and as an export with integer kernels, by function. */
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '../../../calibration/open';
import { OnnxError } from '../../../common/fileErrors';
import { draftModel } from '../../../onnx/files/save';
import { Graph } from '../../../onnx/graph/graph';
import { serialize } from '../../../onnx/graph/subgraph';
import { takeBranches } from '../../../onnx/network/branches';
import { findNetwork } from '../../../onnx/network/functions';
import { isLayerOp } from '../../../onnx/network/layers';
import type { Branches, Network } from '../../../onnx/network/network';
import { type Expected, fakeQuantized } from '../../../onnx/packing/fakeQuantize';
import { quantizeModel } from '../../../onnx/packing/quantizeModel';
import { allBodies } from '../../../onnx/proto/attributes';
import { weightsFolder } from '../../../onnx/proto/external';
import type { ModelProto } from '../../../onnx/proto/onnx_pb';
import { placeActivations, type Placement } from '../../../onnx/qdq/placement';
import { widestPerWeight } from '../../../onnx/qdq/widestCodes';
import type { LatencyReply, LatencyRequest } from '../../protocol';
import { planActivations } from '../export/activations';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { limitOf } from '../ort/memory';
import { openModel } from '../ort/openModel';
import { fixedBatch, padded, Samples } from '../ort/samples';
import { deviceLabel, type Feeds, onnxRuntime, Session } from '../ort/session';
import { roundNetwork } from '../rounding/roundNetwork';

/** Runs before those that count: threads start, caches fill. */
const WARM_UP = 5;

/** What ONNX Runtime keeps of a layer's name in those of the kernels that it becomes. */
const TAG = /ompq_layer_\d+_/;

/** Blocked convolutions take the name of the tensor that they write, after what was fused into them. */
const BLOCKED = /^(.*)_nchwc$/;

/** How a profile ends the names of what computes. */
const KERNEL = '_kernel_time';

/** Runs are taken in turns, so that what else the machine does meets both networks. */
const ROUNDS = 3;

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function latency(request: LatencyRequest, job: Job): Promise<LatencyReply> {
  const { model: path, granularity, data, runs } = request;
  job.progress('Reading the model', 0);
  const { model: file } = await openModel(path, job);
  const { branches } = data;
  const network = findNetwork(file, { granularity, shapes: data.shapes, branches });
  tagLayers(file);
  const { model } = takeBranches(file, branches);
  const owners = ownersOf(network, model);
  const dataset = await openDataset({ ...data, samples: 1 }, network.inputs, {
    signal: job.signal,
    atMost: true,
  });
  const scratch = await mkdtemp(join(tmpdir(), 'ompq-latency-'));
  try {
    const samples = await Samples.open(dataset, limitOf(request.memoryLimit) / 8, job, () => undefined);
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
  } finally {
    await dataset.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Changes the nodes of `model`, also those in branches. */
function tagLayers({ graph }: ModelProto): void {
  let count = 0;
  for (const { node } of [graph!, ...allBodies(graph!)]) {
    for (const each of node) if (isLayerOp(each.opType)) each.name = `ompq_layer_${count++}_`;
  }
}

/** The function by its layers' tags, and by the tensors that a kernel of theirs may write. */
interface Owners {
  tags: Map<string, number>;
  tensors: Map<string, number>;
}

function ownersOf({ functions }: Network, model: ModelProto): Owners {
  const graph = new Graph(model.graph!);
  const [tags, tensors] = [new Map<string, number>(), new Map<string, number>()];
  functions.forEach(({ layers }, owner) => {
    for (const { output } of layers) {
      const tag = TAG.exec(graph.order[graph.producerIndex(output)!].name);
      if (tag) tags.set(tag[0], owner);
      for (const tensor of fusible(graph, output)) tensors.set(tensor, owner);
    }
  });
  return { tags, tensors };
}

/** The tensor and those that follow it one by one, up to where two meet: batch norm and activation. */
function fusible(graph: Graph, tensor: string): string[] {
  const readers = graph.consumers(tensor);
  const [next] = readers.map((index) => graph.order[index]);
  const isAlone =
    readers.length === 1 &&
    !isLayerOp(next.opType) &&
    next.output.length === 1 &&
    next.input.every((name) => name === '' || name === tensor || graph.isConstant(name));
  return [tensor, ...(isAlone ? fusible(graph, next.output[0]) : [])];
}

function ownerOf(kernel: string, { tags, tensors }: Owners): number | undefined {
  const tag = TAG.exec(kernel);
  if (tag) return tags.get(tag[0]);
  const blocked = BLOCKED.exec(kernel);
  return blocked ? tensors.get(blocked[1]) : undefined;
}

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
async function integerModel(
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

interface Timing {
  feeds: Feeds;
  /** Samples in them. */
  batch: number;
  runs: number;
  scratch: string;
  owners: Owners;
  job: Job;
}

/** Milliseconds for one sample. */
interface Times {
  whole: number;
  /** By function: those whose layers are seen in the profile. */
  functions: Map<number, number>;
}

interface Runnable {
  bytes: Uint8Array;
  path: string;
}

async function timed(networks: readonly Runnable[], timing: Timing): Promise<Times[]> {
  const { job, runs, batch } = timing;
  // Writing a profile takes time of its own, so the whole is timed without.
  const all = networks.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, network] of networks.entries()) {
      job.progress('Timing the network', 0.3 + (0.5 * (round + i / networks.length)) / ROUNDS);
      all[i].push(...(await run(network, Math.ceil(runs / ROUNDS), timing)));
    }
  }
  const found: Times[] = [];
  for (const [i, network] of networks.entries()) {
    job.progress('Timing its functions', 0.8 + (0.2 * i) / networks.length);
    const whole = median(all[i]) / batch;
    found.push({ whole, functions: await shares(network, timing, whole) });
  }
  return found;
}

/** What of the whole every function takes, by ONNX Runtime's own profile. */
async function shares(network: Runnable, timing: Timing, whole: number): Promise<Map<number, number>> {
  const { runs, scratch, owners } = timing;
  await run(network, runs, timing, join(scratch, 'profile'));
  const [profile] = (await readdir(scratch)).filter((name) => name.startsWith('profile'));
  if (!profile)
    throw new EngineFault('ONNX Runtime wrote no profile: is the folder for temporary files full?');
  const events = JSON.parse(await readFile(join(scratch, profile), 'utf8')) as Event[];
  await rm(join(scratch, profile));
  const profiled = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run');
  const perMicrosecond = whole / median(profiled.slice(-runs).map(({ dur }) => dur));
  const kernels = new Map<string, { owner: number; durations: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith(KERNEL)) continue;
    const owner = ownerOf(name.slice(0, -KERNEL.length), owners);
    if (owner === undefined) continue;
    const key = `${name} ${args?.node_index}`;
    const kernel = kernels.get(key) ?? { owner, durations: [] };
    kernel.durations.push(dur);
    kernels.set(key, kernel);
  }
  const functions = new Map<number, number>();
  for (const { owner, durations } of kernels.values()) {
    const time = median(durations.slice(-runs)) * perMicrosecond;
    functions.set(owner, (functions.get(owner) ?? 0) + time);
  }
  return functions;
}

/** Milliseconds of every run. */
async function run(
  { bytes, path }: Runnable,
  runs: number,
  { feeds, job }: Timing,
  profile?: string,
): Promise<number[]> {
  await job.checkpoint();
  const session = await Session.open(bytes, {
    provider: 'cpu',
    folder: weightsFolder(path),
    model: path,
    arena: true,
    profile,
  });
  try {
    const times: number[] = [];
    for (let i = 0; i < WARM_UP + runs; i++) {
      await job.checkpoint();
      const begin = performance.now();
      await session.runTensors(feeds);
      if (i >= WARM_UP) times.push(performance.now() - begin);
    }
    return times;
  } finally {
    await session.close();
  }
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

interface Event {
  cat: string;
  name: string;
  /** Microseconds. */
  dur: number;
  args?: { node_index?: string };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function rounded(milliseconds: number): number {
  return Number(milliseconds.toPrecision(4));
}
