/** The values that activations take on the calibration samples: ends first, then counts between them, block by block. */
import { basename } from 'node:path';
import {
  ActivationHistogram,
  gridOf,
  type Range,
  type RangeMethod,
} from '../../../core/rounding/activationRange';
import { Names } from '../../../onnx/graph/names';
import { serialize, subgraph, untyped } from '../../../onnx/graph/subgraph';
import { node as makeNode } from '../../../onnx/proto/build';
import { weightsFolder } from '../../../onnx/proto/external';
import { type ModelProto, type NodeProto } from '../../../onnx/proto/onnx_pb';
import type { Grid } from '../../../onnx/qdq/grid';
import type { ActivationTensor } from '../../../onnx/qdq/placement';
import { EngineFault } from '../job/faults';
import { type Job } from '../job/job';
import { type Feeds, Session } from '../ort/session';

export interface RangeWork {
  /** With its weights as they will be. */
  model: ModelProto;
  path: string;
  /** The calibration samples, anew at every call. */
  blocks: () => AsyncIterable<Feeds>;
  blockCount: number;
  /** Bytes that a block's activations may take at once. */
  memory: number;
  job: Job;
  onProgress: (share: number) => void;
}

/** Grids of the tensors that have one of their own. */
export async function measureGrids(
  tensors: readonly ActivationTensor[],
  method: RangeMethod,
  work: RangeWork,
): Promise<Map<string, Grid>> {
  const own = tensors.filter(({ like }) => like === null);
  const passes = method === 'minmax' ? 1 : 2;
  const progress = (pass: number) => (share: number) => work.onProgress((pass + share) / passes);
  const ends = await measureEnds(
    own.map(({ tensor }) => tensor),
    work,
    progress(0),
  );
  const ranges =
    method === 'minmax'
      ? own.map(({ tensor }) => ends.get(tensor)!.range)
      : await countedRanges(own, ends, method, work, progress(1));
  return new Map(own.map(({ tensor, bits }, i) => [tensor, gridOf(ranges[i], bits)]));
}

interface Ends {
  range: Range;
  /** Elements in the largest block. */
  size: number;
}

async function measureEnds(
  tensors: readonly string[],
  work: RangeWork,
  onProgress: (share: number) => void,
): Promise<Map<string, Ends>> {
  const names = Names.of(work.model.graph!);
  const heads: NodeProto[] = [];
  const outputs = tensors.map((tensor) => {
    const [low, high, size] = ['low', 'high', 'size'].map((what) => names.unique(`ompq_${what}`));
    heads.push(
      makeNode('ReduceMin', [tensor], [low], { keepdims: 0 }),
      makeNode('ReduceMax', [tensor], [high], { keepdims: 0 }),
      makeNode('Size', [tensor], [size]),
    );
    return { low, high, size };
  });
  const ends = new Map<string, Ends>(tensors.map((name) => [name, { range: { low: 0, high: 0 }, size: 0 }]));
  const all = outputs.flatMap(({ low, high, size }) => [low, high, size]);
  await overBlocks(work, tensors, heads, all, onProgress, (results) => {
    tensors.forEach((tensor, i) => {
      const { low, high, size } = outputs[i];
      const [least, most] = [Number(results[low].data[0]), Number(results[high].data[0])];
      if (!Number.isFinite(least) || !Number.isFinite(most)) {
        throw new EngineFault(
          `The tensor "${tensor}" of ${basename(work.path)} is not finite on the calibration data, so its range cannot be quantized.`,
        );
      }
      const found = ends.get(tensor)!;
      found.range = { low: Math.min(found.range.low, least), high: Math.max(found.range.high, most) };
      found.size = Math.max(found.size, Number(results[size].data[0]));
    });
  });
  return ends;
}

/** As many tensors at a time as memory allows; the network is run once for each such group. */
async function countedRanges(
  tensors: readonly ActivationTensor[],
  ends: ReadonlyMap<string, Ends>,
  method: RangeMethod,
  work: RangeWork,
  onProgress: (share: number) => void,
): Promise<Range[]> {
  const histograms = tensors.map(({ tensor }) => new ActivationHistogram(ends.get(tensor)!.range));
  const groups: number[][] = [];
  let bytes = Infinity;
  tensors.forEach(({ tensor }, index) => {
    const own = 4 * ends.get(tensor)!.size;
    if (bytes + own > work.memory) [bytes] = [0, groups.push([])];
    bytes += own;
    groups[groups.length - 1].push(index);
  });
  for (const [done, group] of groups.entries()) {
    const names = group.map((index) => tensors[index].tensor);
    const onPart = (share: number) => onProgress((done + share) / groups.length);
    await overBlocks(work, names, [], names, onPart, (results) => {
      for (const index of group) histograms[index].add(results[tensors[index].tensor].data as Float32Array);
    });
  }
  return tensors.map(({ bits }, i) => histograms[i].range(method, 2 ** bits - 1));
}

/** Runs what `outputs` need on every block. A model's own inputs cannot be outputs: they are handed over as they are. */
async function overBlocks(
  { model, path, blocks, blockCount, job }: RangeWork,
  tensors: readonly string[],
  heads: readonly NodeProto[],
  outputs: readonly string[],
  onProgress: (share: number) => void,
  take: (results: Feeds) => void,
): Promise<void> {
  const own = new Set(model.graph!.input.map(({ name }) => name));
  const computed = outputs.filter((name) => !own.has(name)).map(untyped);
  const part = subgraph(model, tensors, { heads, outputs: computed });
  const options = { provider: 'cpu', folder: weightsFolder(path), model: path } as const;
  // ONNX Runtime loads no graph without a node.
  const session = computed.length > 0 ? await Session.open(serialize(part), options) : null;
  try {
    let done = 0;
    for await (const feeds of blocks()) {
      await job.checkpoint();
      take({ ...feeds, ...(await session?.runTensors(feeds)) });
      onProgress(++done / blockCount);
    }
  } finally {
    await session?.close();
  }
}
