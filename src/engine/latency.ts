/** How long ONNX Runtime's kernels take: each layer alone, in floats and in integers, and the whole network. */
import { create } from '@bufbuild/protobuf';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openDataset } from '../calibration/open';
import { takeBranches } from '../onnx/branches';
import { node as makeNode, scalar, tensor, valueInfo } from '../onnx/build';
import { readModel } from '../onnx/file';
import { findNetwork } from '../onnx/functions';
import { Graph } from '../onnx/graph';
import type { Layer } from '../onnx/network';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx/schema/onnx_pb';
import { elements } from '../onnx/unpack';
import { calibrationBlocks } from './calibrationBlocks';
import { Prefix } from './exportPrefix';
import { serialize } from './heads';
import { EngineFault, type Job } from './job';
import { limitOf } from './memory';
import type { LatencyReply, LatencyRequest } from './protocol';
import { deviceLabel, type Feeds, onnxRuntime, Session } from './runtime';
import { Samples } from './samples';

/** Runs before those that count: threads start, caches fill. */
const WARM_UP = 3;
/** Of the first opset in which QuantizeLinear has an axis. */
const OPSET = 13n;
/** What turns tensors over between kernels: a network of such layers pays it at its ends only. */
const BETWEEN = new Set(['QuantizeLinear', 'DequantizeLinear', 'ReorderInput', 'ReorderOutput', 'Cast']);
/** ONNX Runtime has no integer kernel for the others. */
const INTEGER = new Set(['Conv', 'Gemm', 'MatMul']);

/** @throws OnnxError, DataError, EngineFault, JobCancelled */
export async function latency(request: LatencyRequest, job: Job): Promise<LatencyReply> {
  const { model: path, granularity, data, runs } = request;
  job.progress('Reading the model', 0);
  const file = await readModel(path);
  const network = findNetwork(file, { granularity, shapes: data.shapes, branches: data.branches });
  const { model } = takeBranches(file, data.branches);
  const dataset = await openDataset({ ...data, samples: 1 }, network.inputs, {
    signal: job.signal,
    atMost: true,
  });
  const scratch = await mkdtemp(join(tmpdir(), 'ompq-latency-'));
  try {
    const limit = limitOf(request.memoryLimit);
    const samples = await Samples.open(dataset, limit / 8, job, () => undefined);
    const opened = await calibrationBlocks(
      dataset,
      samples,
      { model, network, path },
      {
        limit,
        activations: 1,
        reserved: 0,
        job,
      },
    );
    const timed = (part: ModelProto, feeds: Feeds): Promise<Kernel[]> =>
      profiled(part, feeds, { folder: scratch, path, runs, job });
    // Where the model fixes how many samples it takes, a sample's share.
    const share = 1 / (opened.fixed ? opened.size : 1);
    const whole = sum(await timed(opened.model, opened.blocks[0]));
    const graph = new Graph(opened.model.graph!);
    const prefix = new Prefix(opened.model, graph, path, job, opened.blocks.slice(0, 1));
    const layers = network.functions
      .flatMap(({ layers }, owner) =>
        layers.map((layer) => ({ layer, owner, position: graph.producerIndex(layer.output)! })),
      )
      .sort((a, b) => a.position - b.position);
    const times = network.functions.map(() => ({ float: 0, integer: 0 }));
    const warnings: string[] = [];
    for (const [index, { layer, owner, position }] of layers.entries()) {
      job.progress(`Timing ${layer.node}`, 0.1 + (0.9 * index) / layers.length);
      await prefix.advance(position, new Map());
      const node = graph.order[position];
      if (!node.input.includes(layer.weight)) {
        warnings.push(`${layer.node} cannot be timed alone; its time is part of the rest.`);
        continue;
      }
      const input = prefix.tensor(0, layer.input);
      const feeds: Feeds = { x: floats(input.dims) };
      const float = sum(await timed(layerModel(layer, node, input.dims, false), feeds));
      times[owner].float += float * share;
      const integer = INTEGER.has(layer.op)
        ? sum(await timed(layerModel(layer, node, input.dims, true), feeds))
        : float;
      times[owner].integer += integer * share;
    }
    const alone = times.reduce((total, { float }) => total + float, 0);
    const ort = await onnxRuntime();
    return {
      functions: Object.fromEntries(
        network.functions.map(({ name }, i) => [
          name,
          { 8: rounded(times[i].integer), 32: rounded(times[i].float) },
        ]),
      ),
      rest: rounded(Math.max(0, whole * share - alone)),
      whole: rounded(whole * share),
      device: `${deviceLabel('cpu')}, ${cpus()[0]?.model.trim() ?? 'unknown'}`,
      runtime: `ONNX Runtime ${ort.env.versions.node ?? ort.env.versions.common}`,
      runs,
      warnings: [...dataset.warnings, ...warnings],
    };
  } finally {
    await dataset.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** One node of a profile. */
interface Kernel {
  op: string;
  /** Median over the runs. */
  milliseconds: number;
}

function sum(kernels: readonly Kernel[]): number {
  return kernels.reduce((total, { op, milliseconds }) => total + (BETWEEN.has(op) ? 0 : milliseconds), 0);
}

interface Event {
  cat: string;
  name: string;
  dur: number;
  args?: { op_name?: string; node_index?: string };
}

interface Profiling {
  folder: string;
  path: string;
  runs: number;
  job: Job;
}

/** ONNX Runtime's own profile of some runs: what its kernels took, without what handing tensors over takes. */
async function profiled(
  model: ModelProto,
  feeds: Feeds,
  { folder, path, runs, job }: Profiling,
): Promise<Kernel[]> {
  await job.checkpoint();
  const session = await Session.open(serialize(model), {
    provider: 'cpu',
    folder: dirname(path),
    model: path,
    arena: true,
    profile: join(folder, 'profile'),
  });
  try {
    for (let run = 0; run < WARM_UP + runs; run++) {
      await job.checkpoint();
      await session.runTensors(feeds);
    }
  } finally {
    await session.close();
  }
  const [file] = (await readdir(folder)).filter((name) => name.startsWith('profile'));
  if (!file) throw new EngineFault('ONNX Runtime wrote no profile: is the folder for temporary files full?');
  const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as Event[];
  await rm(join(folder, file));
  const byNode = new Map<string, { op: string; all: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    const key = `${name} ${args?.node_index}`;
    const found = byNode.get(key) ?? { op: args?.op_name ?? '', all: [] };
    found.all.push(dur / 1000);
    byNode.set(key, found);
  }
  return [...byNode.values()].map(({ op, all }) => ({ op, milliseconds: median(all.slice(WARM_UP)) }));
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

/** Numbers that no kernel takes longer or shorter for. */
function floats(dims: readonly number[]): Feeds[string] {
  return { type: 'float32', dims: [...dims], data: wave(elements([...dims])) };
}

function wave(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => 0.5 + 0.4 * Math.sin(i));
}

/** A layer alone, without its bias, as float32 or between the pairs by which ONNX Runtime knows an integer kernel. */
function layerModel(layer: Layer, node: NodeProto, dims: readonly number[], integer: boolean): ModelProto {
  const { weightShape, channelAxis, weight } = layer;
  const size = elements(weightShape);
  const constants: TensorProto[] = [];
  const nodes: NodeProto[] = [];
  const constant = (value: TensorProto): string => {
    constants.push(value);
    return value.name;
  };
  const pair = (from: string, to: string): void => {
    const grid = [
      constant(scalar(`${to}_scale`, 0.01)),
      constant(tensor(`${to}_zero`, [], Uint8Array.of(64))),
    ];
    nodes.push(
      makeNode('QuantizeLinear', [from, ...grid], [`${to}_codes`]),
      makeNode('DequantizeLinear', [`${to}_codes`, ...grid], [to]),
    );
  };
  const own = makeNode(layer.op, [], ['y']);
  own.attribute = [...node.attribute];
  if (integer) {
    pair('x', 'input');
    const codes = constant(
      tensor(
        'codes',
        weightShape,
        Int8Array.from({ length: size }, (_, i) => (i * 37) % 127),
      ),
    );
    const scales = new Float32Array(weightShape[channelAxis]).fill(0.01);
    constant(tensor('scales', [scales.length], scales));
    constant(tensor('zeros', [scales.length], new Int8Array(scales.length)));
    nodes.push(makeNode('DequantizeLinear', [codes, 'scales', 'zeros'], ['weights'], { axis: channelAxis }));
  } else {
    constant(tensor('weights', weightShape, wave(size)));
  }
  const input = integer ? 'input' : 'x';
  const [a, b] = node.input.slice(0, 2).map((name) => (name === weight ? 'weights' : input));
  own.input = [a, b];
  nodes.push(own);
  if (integer) pair('y', 'output');
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: OPSET }],
    graph: create(GraphProtoSchema, {
      name: 'layer',
      node: nodes,
      initializer: constants,
      input: [valueInfo('x', DataType.FLOAT, dims)],
      output: [valueInfo(integer ? 'output' : 'y', DataType.FLOAT, null)],
    }),
  });
}
