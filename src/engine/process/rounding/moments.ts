/** Second moments of a layer's inputs: its inputs unfolded (im2col), then matrix products by ONNX Runtime. */
import { create } from '@bufbuild/protobuf';
import { dirname } from 'node:path';
import { numbers } from '../../../calibration/inputs/tensorTypes';
import { serialize } from '../../../onnx/graph/subgraph';
import { int64s, node, valueInfo } from '../../../onnx/proto/build';
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from '../../../onnx/proto/onnx_pb';
import { Devices } from '../devices/adaptiveSession';
import type { Job } from '../job/job';
import type { Feeds } from '../ort/session';
import { pickedPositions, unfold, type UnfoldedLayer, type View, viewOf } from './im2col';
import type { Prefix } from './prefix';
import type { LayerRows } from './rows';

export interface Moments {
  /** Per group U^T U / n, [columns, columns]. */
  moments: Float64Array[];
  /** Per group Yf^T U / n, [rows, columns]; null where no float network was given. */
  responses: Float64Array[] | null;
  /** Per group the mean of U, [columns]. */
  means: Float64Array[];
  /** Positions used (n) and there. */
  used: number;
  all: number;
}

/** Where the values of a tensor come from, block by block. */
export type Tensors = Pick<Prefix, 'blockCount' | 'tensor'>;

/** Positions per column at which more add nothing (measured on CIFAR-10: see bench/accuracy). */
const POSITIONS_PER_COLUMN = 16;
const LEAST_POSITIONS = 32768;

/** Bytes that the unfolded inputs of a convolution take at once, at most. */
const UNFOLDED_BYTES = 32e6;

/**
 * Sums over all blocks of samples. Where there are far more positions than columns, every s-th position is used, s
 * prime, starting elsewhere in every block.
 * @param weights the float weights, [groups, rows, columns], for the responses
 */
export async function layerMoments(
  unfolded: UnfoldedLayer,
  quantized: Tensors,
  float: { prefix: Tensors; weights: Float32Array } | null,
  path: string,
  job: Job,
  devices?: Devices,
  unfoldedBytes = UNFOLDED_BYTES,
): Promise<Moments> {
  const { layer, rows } = unfolded;
  const { groups, columns } = rows;
  const views = new Map<string, View>();
  const viewOfBlock = async (block: number): Promise<View> => {
    const { dims } = quantized.tensor(block, layer.input);
    let view = views.get(dims.join());
    if (!view) views.set(dims.join(), (view = await viewOf(unfolded, dims, path)));
    return view;
  };
  const { samples, positions } = await viewOfBlock(0);
  const all = samples * positions * quantized.blockCount;
  const step = stepFor(all, positions, columns);
  const session = (devices ?? (await Devices.open('cpu', job))).session({
    bytes: () => serialize(momentsModel(float !== null)),
    folder: dirname(path),
    model: path,
    sleeps: true,
  });
  try {
    const sums = new Sums(rows, float !== null);
    const rooms = [new Room(), new Room()];
    for (let block = 0; block < quantized.blockCount; block++) {
      const view = await viewOfBlock(block);
      const start = (block * 7919) % step;
      const picked = pickedPositions(view.positions, start, step);
      const perSample = 4 * groups * columns * picked * (float ? 2 : 1);
      const atOnce = Math.max(1, Math.floor(unfoldedBytes / Math.max(1, perSample)));
      const inputs = numbers(quantized.tensor(block, layer.input));
      const floatInputs = float && numbers(float.prefix.tensor(block, layer.input));
      const left = quantized.blockCount - block;
      for (let from = 0; picked > 0 && from < view.samples; from += atOnce) {
        await job.checkpoint();
        const count = Math.min(atOnce, view.samples - from);
        const at = { from, count, start, step };
        const columnsOf = (values: ArrayLike<number>, room: Room): Feeds[string] => {
          const data = room.of(groups * columns * count * picked);
          unfold(data, values, view, groups * columns, at);
          return { type: 'float32', data, dims: [groups, columns, count * picked] };
        };
        const feeds: Feeds = {
          u: columnsOf(inputs, rooms[0]),
          ...(float
            ? { float: columnsOf(floatInputs!, rooms[1]), weights: weightTensor(float.weights, rows) }
            : {}),
        };
        sums.add(await session.runTensors(feeds, left), count * picked);
      }
    }
    return { ...sums.finish(), all };
  } finally {
    await session.close();
  }
}

/** Memory that is used again: fresh pages cost more than what is written to them. */
class Room {
  private all = new Float32Array(0);

  of(size: number): Float32Array {
    if (this.all.length < size) this.all = new Float32Array(size);
    return this.all.subarray(0, size);
  }
}

function weightTensor(weights: Float32Array, { groups, rows, columns }: LayerRows): Feeds[string] {
  return { type: 'float32', data: weights, dims: [groups, rows, columns] };
}

/** The largest prime step that leaves enough positions, and one at least; 1: all. */
function stepFor(all: number, positions: number, columns: number): number {
  const largest = Math.min(positions, all / Math.max(LEAST_POSITIONS, POSITIONS_PER_COLUMN * columns));
  for (let step = Math.floor(largest); step > 1; step--) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= step && prime; divisor++) prime = step % divisor !== 0;
    if (prime) return step;
  }
  return 1;
}

class Sums {
  private readonly moments: Float64Array;
  private readonly responses: Float64Array | null;
  private readonly means: Float64Array;
  private count = 0;

  constructor(
    private readonly size: LayerRows,
    responses: boolean,
  ) {
    const { groups, rows, columns } = size;
    this.moments = new Float64Array(groups * columns * columns);
    this.responses = responses ? new Float64Array(groups * rows * columns) : null;
    this.means = new Float64Array(groups * columns);
  }

  /** @param used positions that the outputs are sums over */
  add(outputs: Feeds, used: number): void {
    accumulate(this.moments, outputs.moments.data as Float32Array);
    accumulate(this.means, outputs.means.data as Float32Array);
    if (this.responses) accumulate(this.responses, outputs.responses.data as Float32Array);
    this.count += used;
  }

  finish(): Omit<Moments, 'all'> {
    const { groups, rows, columns } = this.size;
    const divided = (sums: Float64Array, size: number) => {
      for (let i = 0; i < sums.length; i++) sums[i] /= this.count;
      return Array.from({ length: groups }, (_, g) => sums.subarray(g * size, (g + 1) * size));
    };
    return {
      moments: divided(this.moments, columns * columns),
      means: divided(this.means, columns),
      responses: this.responses && divided(this.responses, rows * columns),
      used: this.count,
    };
  }
}

function accumulate(sums: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += values[i];
}

/** Inputs u (unfolded), float (the same of the float network) and weights; outputs moments, means (sums as yet), responses. */
function momentsModel(withFloat: boolean): ModelProto {
  const float = (name: string) => valueInfo(name, DataType.FLOAT, ['', '', '']);
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(GraphProtoSchema, {
      name: 'moments',
      node: [
        node('Transpose', ['u'], ['transposed'], { perm: [0, 2, 1] }),
        node('MatMul', ['u', 'transposed'], ['moments']),
        node('ReduceSum', ['u', 'axis'], ['means'], { keepdims: 0 }),
        ...(withFloat
          ? [node('MatMul', ['weights', 'float'], ['y']), node('MatMul', ['y', 'transposed'], ['responses'])]
          : []),
      ],
      initializer: [int64s('axis', [2])],
      input: ['u', ...(withFloat ? ['float', 'weights'] : [])].map(float),
      output: ['moments', 'means', ...(withFloat ? ['responses'] : [])].map((name) =>
        valueInfo(name, DataType.FLOAT, null),
      ),
    }),
  });
}
